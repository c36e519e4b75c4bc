import { describe, expect, test } from "bun:test";
import type { RunId } from "../../src/domain/ids.ts";
import type { Attempt } from "../../src/domain/task-run.ts";
import type { NewChunk, OutputQuery } from "../../src/store/output.ts";
import type { Store } from "../../src/store/store.ts";
import { measureCpu } from "../support/cpu-time.ts";
import { command, job, taskId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";

const ZERO = { stdout: 0, stderr: 0 };

const chunk = (text: string, stream: NewChunk["stream"] = "stdout"): NewChunk => ({
  stream,
  at: NOON,
  bytes: Buffer.from(text),
  lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
});

/** Stores a run with two tasks, an attempt each, and their output: lines 1 to 3, 4, 5 to 6, 7. */
const filled = () => {
  const store = memoryStore();
  const run = startRun(store, { job: job("two", { tasks: [command("a", "true"), command("b", "true")] }) });
  const [a, b] = ["a", "b"].map((id) => store.runs.startAttempt(run, { taskId: taskId(id), item: null }, NOON)) as [
    Attempt,
    Attempt,
  ];
  const seqs = [
    store.output.append(a, [chunk("1\n2\n3\n"), chunk("4\n", "stderr")], { stdout: 6, stderr: 2 }),
    store.output.append(b, [chunk("5\n6\n")], { stdout: 4, stderr: 0 }),
    store.output.append(a, [chunk("7")], { stdout: 7, stderr: 2 }),
  ];
  return { store, run, a, b, seqs };
};

const texts = (store: Store, runId: RunId, query: Partial<OutputQuery> = {}) =>
  store.output
    .read({ runId, fromSeq: 1, limit: 100, ...query })
    .map(({ seq, bytes }) => `${seq}:${Buffer.from(bytes)}`);

describe("output", () => {
  test("is numbered by line, in the order in which it was appended", () => {
    const { store, run, seqs } = filled();
    expect(seqs).toEqual([[1, 4], [5], [7]]);
    expect(texts(store, run.id)).toEqual(["1:1\n2\n3\n", "4:4\n", "5:5\n6\n", "7:7"]);
    expect(store.output.read({ runId: run.id, fromSeq: 4, limit: 1 })).toEqual([
      {
        seq: 4,
        lines: 1,
        taskId: taskId("a"),
        item: null,
        itemKey: null,
        attempt: 1,
        stream: "stderr",
        at: NOON,
        bytes: new Uint8Array(Buffer.from("4\n")),
      },
    ]);
  });

  test("can be limited to what was read since a time", () => {
    const { store, run, b } = filled();
    store.output.append(b, [{ ...chunk("8\n9\n"), at: NOON + 5 }], { stdout: 8, stderr: 0 });
    const since = (at: number) => texts(store, run.id, { since: at });
    expect(since(NOON)).toHaveLength(5);
    expect(since(NOON + 1)).toEqual(["8:8\n9\n"]);
    expect(since(NOON + 5)).toEqual(["8:8\n9\n"]);
    expect(since(NOON + 6)).toEqual([]);
    expect(
      store.output.countLines({ runId: run.id, fromSeq: 1, untilSeq: 10, limit: 100, since: NOON + 5 }).lines,
    ).toBe(2);
  });

  test.each([
    [{ fromSeq: 0 }, ["1", "4", "5", "7"]],
    [{ fromSeq: 2 }, ["1", "4", "5", "7"]],
    [{ fromSeq: 3 }, ["1", "4", "5", "7"]],
    [{ fromSeq: 4 }, ["4", "5", "7"]],
    [{ fromSeq: 6 }, ["5", "7"]],
    [{ fromSeq: 7 }, ["7"]],
    [{ fromSeq: 8 }, []],
    [{ limit: 2 }, ["1", "4"]],
    [{ reverse: true, limit: 2 }, ["7", "5"]],
    [{ reverse: true, fromSeq: 5 }, ["7", "5"]],
    [{ taskId: taskId("a") }, ["1", "4", "7"]],
    [{ taskId: taskId("b") }, ["5"]],
    [{ stream: "stderr" as const }, ["4"]],
    [{ taskId: taskId("a"), stream: "stdout" as const, fromSeq: 2 }, ["1", "7"]],
    [{ taskId: taskId("b"), fromSeq: 2 }, ["5"]],
    [{ attempt: 2 }, []],
    [{ taskId: taskId("none") }, []],
  ])("read with %j has chunks that begin at %p", (query, expected) => {
    const { store, run } = filled();
    expect(texts(store, run.id, query).map((text) => text.split(":")[0])).toEqual(expected);
  });

  test("of an unknown run or of another run is empty", () => {
    const { store, run } = filled();
    const other = startRun(store);
    expect(texts(store, other.id)).toEqual([]);
    store.output.append(
      store.runs.startAttempt(other, { taskId: taskId("only"), item: null }, NOON),
      [chunk("x\n")],
      ZERO,
    );
    expect(texts(store, other.id)).toEqual(["1:x\n"]);
    expect(texts(store, run.id)).toHaveLength(4);
  });

  test("keeps any bytes", () => {
    const { store, run, b } = filled();
    const bytes = new Uint8Array(256).map((_, index) => index);
    const [seq = 0] = store.output.append(b, [{ stream: "stdout", at: NOON, bytes, lines: 2 }], ZERO);
    expect(store.output.read({ runId: run.id, fromSeq: seq, limit: 1 })[0]?.bytes).toEqual(bytes);
  });

  test("stores the spool offsets and the chunks together or not at all", () => {
    const { store, a, b } = filled();
    expect(store.output.getSpoolOffsets(a.id)).toEqual({ stdout: 7, stderr: 2 });
    expect(store.output.getSpoolOffsets(b.id)).toEqual({ stdout: 4, stderr: 0 });
    expect(() =>
      store.output.append(a, [{ ...chunk("x"), stream: "stdin" as "stdout" }], { stdout: 99, stderr: 99 }),
    ).toThrow("CHECK");
    expect(store.output.getSpoolOffsets(a.id)).toEqual({ stdout: 7, stderr: 2 });
    expect(() => store.output.append({ ...a, id: 99 }, [chunk("x")], ZERO)).toThrow();
  });

  test("lists the extents of an attempt without the bytes", () => {
    const { store, a } = filled();
    expect(store.output.listExtents(a)).toEqual([
      { seq: 1, lines: 3, stream: "stdout", bytes: 6, dropped: 0 },
      { seq: 4, lines: 1, stream: "stderr", bytes: 2, dropped: 0 },
      { seq: 7, lines: 1, stream: "stdout", bytes: 1, dropped: 0 },
    ]);
  });

  test("lists the first and the newest extents of an attempt with many", () => {
    using store = memoryStore();
    const attempt = store.runs.startAttempt(startRun(store), { taskId: taskId("only"), item: null }, NOON);
    store.transaction(() => {
      for (let index = 0; index < 2_500; index++) store.output.append(attempt, [chunk(`${index}\n`)], ZERO);
    });
    const seqs = store.output.listEnds(attempt.id).map(({ seq }) => seq);
    expect([seqs.length, seqs[0], seqs[999], seqs[1_000], seqs.at(-1)]).toEqual([2_000, 1, 1_000, 1_501, 2_500]);
    store.output.drop(attempt, [2], { seq: 2, stream: "stdout", at: NOON, text: "[2 dropped]\n", dropped: 2 });
    expect(store.output.listEnds(attempt.id)[1]?.seq).toBe(3);
  });

  test("replaces dropped lines with a marker, and later with a larger one", () => {
    const { store, run, a } = filled();
    const marker = { seq: 3, stream: "stdout", at: NOON, text: "[6 dropped]\n", dropped: 6 } as const;
    store.output.drop(a, [1], marker);
    expect(texts(store, run.id)).toEqual(["3:[6 dropped]\n", "4:4\n", "5:5\n6\n", "7:7"]);
    store.output.drop(a, [4, 3], { ...marker, seq: 4, text: "[8 dropped]\n", dropped: 8 });
    expect(texts(store, run.id)).toEqual(["4:[8 dropped]\n", "5:5\n6\n", "7:7"]);
    expect(store.output.listExtents(a)).toMatchObject([
      { seq: 4, dropped: 8 },
      { seq: 7, dropped: 0 },
    ]);
    expect(store.output.append(a, [chunk("8\n")], ZERO)).toEqual([8]);
    expect(texts(store, run.id, { fromSeq: 5 })).toEqual(["5:5\n6\n", "7:7", "8:8\n"]);
  });

  test("of many lines is read quickly from any line", () => {
    using store = memoryStore();
    const run = startRun(store);
    const attempt = store.runs.startAttempt(run, { taskId: taskId("only"), item: null }, NOON);
    store.transaction(() => {
      for (let index = 0; index < 20_000; index++) store.output.append(attempt, [chunk(`${index}\n`)], ZERO);
    });
    const cpuMs = measureCpu();
    for (let round = 0; round < 200; round++) {
      expect(texts(store, run.id, { fromSeq: 19_990, limit: 1 })).toEqual(["19990:19989\n"]);
      expect(texts(store, run.id, { reverse: true, limit: 1 })).toEqual(["20000:19999\n"]);
    }
    expect(cpuMs()).toBeLessThan(1_000);
  });
});
