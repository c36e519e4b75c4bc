import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Job } from "../../../src/domain/job.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { copyFixtureDatabase } from "../../support/engine/fixture-database.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

/** The definitions of a job in the order in which they were stored, and what the row of the job says. Times are in ms after noon. */
type History = {
  readonly definitions: readonly (readonly [definition: Partial<Job>, createdAt: number])[];
  readonly current: number;
  readonly changedAt?: number;
  readonly removedAt?: number;
};

/** Returns the uses of the job `a` after the upgrade of a database of schema 12, the oldest first, as `number: since-until`. */
const usesAfterUpgrade = ({ definitions, current, changedAt, removedAt }: History): readonly string[] => {
  using dir = tempDir();
  const { path } = copyFixtureDatabase(12, dir.path);
  const db = runtime.openDatabase(path);
  const at = (ms: number | undefined): number | null => (ms === undefined ? null : NOON + ms);
  for (const [index, [definition, createdAt]] of definitions.entries())
    db.prepare(
      `INSERT INTO job_versions (id, job_id, digest, definition, created_at, number)
       VALUES ($id, 'a', $id, $definition, $createdAt, $number)`,
    ).run({
      id: 1000 + index,
      definition: JSON.stringify(job("a", definition)),
      createdAt: NOON + createdAt,
      number: index + 1,
    });
  db.prepare(
    `INSERT INTO jobs (id, version, first_seen_at, accounted_until, changed_at, removed_at)
     VALUES ('a', $version, $first, $first, $changedAt, $removedAt)`,
  ).run({ version: 1000 + current, first: NOON, changedAt: at(changedAt), removedAt: at(removedAt) });
  db.close();
  using store = openStore({ path, runtime });
  return store.versions
    .list(jobId("a"), { limit: 9 })
    .flatMap(({ number }) => store.versions.listUses(jobId("a"), number, 9).map((use) => ({ ...use, number })))
    .toSorted((a, b) => a.since - b.since)
    .map(({ number, since, until }) => `${number}: ${since - NOON}-${until === null ? "" : until - NOON}`);
};

const [ONE, TWO] = [{ name: "one" }, { name: "two" }];
const MOVED = { ...ONE, source: { file: "moved.yaml", line: 7, folder: "/" } };

test.each<readonly [string, History, readonly string[]]>([
  [
    "a job with two versions",
    {
      definitions: [
        [ONE, 1],
        [TWO, 5],
      ],
      current: 1,
    },
    ["1: 1-5", "2: 5-"],
  ],
  [
    "a reverted job",
    {
      definitions: [
        [ONE, 1],
        [TWO, 5],
      ],
      current: 0,
      changedAt: 9,
    },
    ["1: 1-5", "2: 5-9", "1: 9-"],
  ],
  [
    "a job that was reverted in another file, as a version of its own",
    {
      definitions: [
        [ONE, 1],
        [TWO, 5],
        [MOVED, 9],
      ],
      current: 2,
      changedAt: 9,
    },
    ["1: 1-5", "2: 5-9", "1: 9-"],
  ],
  ["a removed job", { definitions: [[ONE, 1]], current: 0, removedAt: 8 }, ["1: 1-8"]],
  ["a job that only a command has run", { definitions: [[ONE, 0]], current: 0, removedAt: 0 }, []],
])("the upgrade from schema 12 reconstructs when the versions of %s were in use", (_, history, expected) => {
  expect(usesAfterUpgrade(history)).toEqual(expected);
});

test("the upgrade from schema 12 gives each version a digest of its own, and each job one that is in use", () => {
  using dir = tempDir();
  const { path } = copyFixtureDatabase(12, dir.path);
  using store = openStore({ path, runtime });
  const jobs = [...store.jobs.list().keys()];
  expect(jobs.length).toBeGreaterThan(5);
  for (const id of jobs) {
    const digests = store.versions.list(id, { limit: 99 }).map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(digests.length);
    const { number = 0, digest } = store.versions.findCurrent(id) ?? {};
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(store.versions.listUses(id, number, 1)).toMatchObject([{ until: null, cause: null }]);
  }
});

test("a definition that is read again after the upgrade is the same version", () => {
  using dir = tempDir();
  const { path } = copyFixtureDatabase(12, dir.path);
  using store = openStore({ path, runtime });
  const stored = [...store.jobs.list().values()].map(({ job: definition }) => definition);
  const moved = stored.map((definition) => ({ ...definition, source: { ...definition.source, line: 99 } }));
  const before = stored.map(({ id }) => store.versions.findCurrent(id)?.digest);
  store.jobs.save(moved, Date.now());
  expect(stored.map(({ id }) => store.versions.findCurrent(id)?.digest)).toEqual(before);
});
