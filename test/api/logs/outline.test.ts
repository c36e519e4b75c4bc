import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { textFinder } from "../../../src/api/logs/finders.ts";
import { readOutline } from "../../../src/api/logs/outline.ts";
import { readPage } from "../../../src/api/logs/page.ts";
import { searchLines } from "../../../src/api/logs/search.ts";
import { linesOf } from "../../../src/api/shapes/log.ts";
import type { Attempt } from "../../../src/domain/task-run.ts";
import { STREAMS } from "../../../src/domain/task-run.ts";
import type { LineFilter, NewChunk } from "../../../src/store/output.ts";
import type { Store } from "../../../src/store/store.ts";
import { command, job, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const ZERO = { stdout: 0, stderr: 0 };
const TASKS = ["a", "b"] as const;
const never = new AbortController().signal;

type Written = { readonly task: number; readonly stream: NewChunk["stream"]; readonly lines: readonly string[] };

const written: fc.Arbitrary<Written> = fc.record({
  task: fc.integer({ min: 0, max: 1 }),
  stream: fc.constantFrom(...STREAMS),
  lines: fc.array(fc.constantFrom("", "one", "Two", "\u001b[31mo\u001b[0mne red"), { minLength: 1, maxLength: 4 }),
});

/** All tests use one store, because opening one takes longer than everything else here. */
const store = memoryStore();
afterAll(() => store[Symbol.dispose]());

/** Stores a run of two tasks with this output. The lines in `drop` are dropped, with a marker in place of the first. */
const filled = (chunks: readonly Written[], drop: readonly number[] = []) => {
  const run = startRun(store, { job: job("two", { tasks: TASKS.map((id) => command(id, "true")) }) });
  const attempts = TASKS.map((id) => store.runs.startAttempt(run, { taskId: taskId(id), item: null }, NOON)) as [
    Attempt,
    Attempt,
  ];
  const seqs = chunks.flatMap(({ task, stream, lines }) => {
    const chunk = {
      stream,
      at: NOON,
      lines: lines.length,
      bytes: Buffer.from(lines.map((line) => `${line}\n`).join("")),
    };
    return store.output.append(attempts[task] ?? attempts[0], [chunk], ZERO);
  });
  const gone = drop.flatMap((index) => (chunks[index]?.task === 0 ? (seqs[index] ?? []) : []));
  const [first] = gone;
  if (first !== undefined)
    store.output.drop(attempts[0], gone, { seq: first, stream: "stdout", at: NOON, text: "dropped", dropped: 9 });
  return { store, runId: run.id };
};

const allLines = (store: Store, filter: LineFilter) =>
  store.output.read({ ...filter, fromSeq: 1, limit: 1_000_000 }).flatMap((chunk) => linesOf(chunk, 0));

const filters = fc.record(
  {
    taskId: fc.constantFrom(...TASKS).map(taskId),
    stream: fc.constantFrom(...STREAMS),
    attempt: fc.constantFrom(1, 2),
  },
  { requiredKeys: [] },
);

const logs = fc.record({
  chunks: fc.array(written, { maxLength: 12 }),
  drop: fc.subarray([0, 1, 2, 3, 5, 8]),
  filter: filters,
});

describe("the outline of a log", () => {
  test("maps every line to its position and back, whatever was dropped", async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 5 }), async ({ chunks, drop, filter }, slice) => {
        const { store, runId } = filled(chunks, drop);
        const lines = allLines(store, { runId, ...filter });
        const outline = await readOutline(store, { runId, ...filter }, slice);
        expect(outline.total).toBe(lines.length);
        expect(outline.lastSeq).toBe(allLines(store, { runId }).at(-1)?.seq ?? 0);
        for (let offset = 0; offset <= lines.length; offset++)
          expect([offset, outline.seqAt(offset)]).toEqual([offset, lines[offset]?.seq ?? null]);
        for (let seq = 1; seq <= outline.lastSeq + 2; seq++)
          expect([seq, outline.offsetOf(seq)]).toEqual([seq, lines.filter((line) => line.seq < seq).length]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("a page of a log", () => {
  test("has the lines at its position, however long the lines before it are", () => {
    const { store, runId } = filled([
      { task: 0, stream: "stdout", lines: Array.from({ length: 50 }, (_, i) => `${i}`) },
    ]);
    expect(readPage(store, { filter: { runId }, fromSeq: 48, limit: 2 }).map(({ text }) => text)).toEqual(["47", "48"]);
    expect(readPage(store, { filter: { runId }, fromSeq: 50, limit: 10 }).map(({ text }) => text)).toEqual(["49"]);
    expect(readPage(store, { filter: { runId }, fromSeq: 51, limit: 10 })).toEqual([]);
  });

  test("spans any number of chunks", () => {
    const { store, runId } = filled(
      Array.from({ length: 200 }, (_, i) => ({ task: i % 2, stream: "stdout", lines: [`${i}`] })),
    );
    const page = readPage(store, { filter: { runId, taskId: taskId("b") }, fromSeq: 2, limit: 90 });
    expect(page.map(({ text }) => text)).toEqual(Array.from({ length: 90 }, (_, i) => `${2 * i + 1}`));
  });

  test("ends early if its lines are long, but has at least one", () => {
    const { store, runId } = filled(
      Array.from({ length: 40 }, () => ({ task: 0, stream: "stdout", lines: ["x".repeat(60_000)] })),
    );
    expect(readPage(store, { filter: { runId }, fromSeq: 1, limit: 40 })).toHaveLength(17);
  });
});

describe("a search in a log", () => {
  const plain = (text: string): string => text.replaceAll(/\u001b\[\d*m/g, "");

  test("finds every line that contains the text, by number and position, page by page", async () => {
    const query = fc.record({
      text: fc.constantFrom("one", "ONE", "o", "two", "e red", "none", "["),
      matchCase: fc.boolean(),
      limit: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(logs, query, async ({ chunks, drop, filter }, { text, matchCase, limit }) => {
        const { store, runId } = filled(chunks, drop);
        const fold = (seen: string): string => (matchCase ? seen : seen.toLowerCase());
        const expected = allLines(store, { runId, ...filter })
          .map((line, offset) => ({ seq: line.seq, offset, text: line.text }))
          .filter((line) => fold(plain(line.text)).includes(fold(text)))
          .map(({ seq, offset }) => ({ seq, offset }));
        const found = [];
        for (let after = 0; ; ) {
          const part = await searchLines(
            store,
            { filter: { runId, ...filter }, ...textQuery(text, matchCase), limit, after },
            never,
          );
          expect(part.matches.length).toBeLessThanOrEqual(limit);
          found.push(...part.matches);
          if (part.isComplete) break;
          expect(part.searchedTo).toBeGreaterThan(after);
          after = part.searchedTo;
        }
        expect(found).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["a colour", "a\u001b[1;31mb\u001b[0mc"],
    ["a link", "a\u001b]8;;https://example.com\u0007b\u001b]8;;\u001b\\c"],
    ["a cursor", "a\u001bMb\u001b[2Kc"],
  ])("ignores %s", async (_, line) => {
    const { store, runId } = filled([{ task: 0, stream: "stdout", lines: ["x", line] }]);
    const query = { filter: { runId }, limit: 10, after: 0 };
    expect((await searchLines(store, { ...query, ...textQuery("abc") }, never)).matches).toEqual([
      { seq: 2, offset: 1 },
    ]);
    expect((await searchLines(store, { ...query, ...textQuery("31") }, never)).matches).toEqual([]);
  });

  test("ends when the client disconnects, and reports how far it searched", async () => {
    const { store, runId } = filled([{ task: 0, stream: "stdout", lines: ["x"] }]);
    const query = { filter: { runId }, ...textQuery("x"), limit: 10, after: 0 };
    const found = await searchLines(store, query, AbortSignal.abort());
    expect(found).toMatchObject({ matches: [], isComplete: false, searchedTo: 0, lastSeq: 1 });
  });
});

const textQuery = (text: string, matchCase = true) => ({ finder: textFinder({ text, matchCase }), withLines: false });
