import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JobId, RunId } from "../../../src/domain/ids.ts";
import type { Run } from "../../../src/domain/run.ts";
import type { RunListFilter } from "../../../src/store/runs/run-list.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const IDS = ["a", "b", "c", "d"] as const;
const DAYS = ["monday", "tuesday", "friday"] as const;

const filters = fc.record(
  {
    jobIds: fc.subarray([...IDS]),
    text: fc.constantFrom("day", "monday", "friday"),
    param: fc.constantFrom(...DAYS),
    excluded: fc.subarray([...IDS], { maxLength: 2 }),
    status: fc.constantFrom("pending", "running"),
    since: fc.integer({ min: 0, max: 200 }),
    limit: fc.integer({ min: 1, max: 7 }),
  },
  { requiredKeys: ["jobIds", "limit"] },
);

test("a list of the runs of some jobs, page by page, has what a model has, and cursors of these jobs alone", () => {
  using store = memoryStore();
  const runs: Run[] = [];
  let seed = 7;
  const random = (count: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % count;
  };
  for (let number = 0; number < 200; number++)
    runs.push(
      startRun(store, {
        // The last jobs have few runs.
        job: job(IDS[[0, 0, 0, 0, 0, 1, 1, 2][random(8)] ?? 3] ?? "d"),
        params: { day: DAYS[random(3)] ?? "" },
        status: random(3) === 0 ? "pending" : "running",
        now: NOON + number * 1_000,
      }),
    );
  fc.assert(
    fc.property(filters, ({ jobIds, text, param, excluded, status, since, limit }) => {
      const expected = runs.filter(
        (run) =>
          jobIds.includes(run.jobId as (typeof IDS)[number]) &&
          (text === undefined || `${run.jobId}${run.params.day}`.includes(text)) &&
          (param === undefined || run.params.day === param) &&
          (excluded === undefined || !excluded.includes(run.jobId as (typeof IDS)[number])) &&
          (status === undefined || run.status === status) &&
          (since === undefined || run.createdAt >= NOON + since * 1_000),
      );
      const filter: RunListFilter = {
        limit,
        jobIds: jobIds as readonly string[] as readonly JobId[],
        ...(text !== undefined && { text }),
        ...(param !== undefined && { param: { name: "day", value: param } }),
        ...(excluded !== undefined && { excludedJobs: excluded }),
        ...(status !== undefined && { status }),
        ...(since !== undefined && { from: NOON + since * 1_000 }),
      };
      const listed: RunId[] = [];
      for (let before: RunId | null = null, pages = 0; pages < 300; pages++) {
        const page = store.runs.listPage({ ...filter, ...(before !== null && { before }) });
        listed.push(...page.runs.map(({ id }) => id));
        before = page.next;
        if (before === null) break;
        const cursor = store.runs.find(before);
        expect(jobIds as readonly string[]).toContain(cursor?.jobId ?? "");
      }
      expect(listed).toEqual(expected.map(({ id }) => id).reverse());
    }),
    { numRuns: 400 },
  );
});

test("a search of the runs of a job with few of them goes past those of others, with cursors of its own", () => {
  using store = memoryStore();
  const [few, many] = [job("few"), job("many")];
  const first = startRun(store, { job: few, params: { day: "monday" }, now: NOON });
  for (let number = 0; number < 20_500; number++) startRun(store, { job: many, now: NOON + 1 + number });
  const middle = startRun(store, { job: few, params: { day: "friday" }, now: NOON + 30_000 });
  for (let number = 0; number < 100; number++) startRun(store, { job: many, now: NOON + 40_000 + number });
  const search = { limit: 5, jobIds: [few.id], text: "monday" };
  const page = store.runs.listPage(search);
  expect(page).toEqual({ runs: [], next: middle.id });
  expect(store.runs.listPage({ ...search, before: middle.id })).toEqual({ runs: [first], next: null });
  expect(store.runs.listPage({ ...search, jobIds: [] })).toEqual({ runs: [], next: null });
});
