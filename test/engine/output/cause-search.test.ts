import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import type { Job } from "../../../src/domain/job.ts";
import type { Attempt, OutputStream } from "../../../src/domain/task-run.ts";
import { CauseSearch } from "../../../src/engine/output/cause-search.ts";
import { countLines, MAX_CHUNK_BYTES } from "../../../src/engine/output/line-splitter.ts";
import { type Log, silentLog } from "../../../src/lib/log.ts";
import type { Store } from "../../../src/store/store.ts";
import { measureCpu } from "../../support/cpu-time.ts";
import { items, job, shell, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Runs a job to its end, and returns the causes of its attempts. */
const causesOf = async (definition: Job, times = 1) => {
  await using petit = await startEngine({ jobs: [definition] });
  for (let time = 1; time < times; time++) await petit.run(definition.id);
  return (await petit.run(definition.id)).attempts.map(({ cause }) => cause);
};

describe("the cause of a failed attempt", () => {
  test("is the line that explains it, whatever a cleanup prints after it, and what belongs to it", async () => {
    const script = `echo starting
      echo 'psql: error: connection to server failed: Connection refused' >&2; echo '  Is it running?' >&2
      echo 'cleanup finished, exit' >&2; exit 2`;
    expect(await causesOf(job("load", { tasks: [shell("only", script)] }))).toEqual([
      {
        seq: expect.any(Number),
        stream: "stderr",
        text: "psql: error: connection to server failed: Connection refused",
        context: ["  Is it running?"],
        child: null,
      },
    ]);
  });

  test("has the number of its line in the log of the run", async () => {
    await using petit = await startEngine({
      jobs: [
        job("two", {
          tasks: [shell("a", "seq 5"), shell("b", "seq 3; echo 'fatal: no such ref'; exit 1", { after: ["a"] })],
        }),
      ],
    });
    const { run, attempts } = await petit.run("two");
    const cause = attempts.at(-1)?.cause;
    const [chunk] = petit.store.output.read({ runId: run.id, fromSeq: cause?.seq ?? 0, limit: 1 });
    const lines = Buffer.from(chunk?.bytes ?? [])
      .toString()
      .split("\n");
    expect(lines[(cause?.seq ?? 0) - (chunk?.seq ?? 0)]).toBe("fatal: no such ref");
  });

  test("is none of the lines that the last successful run printed", async () => {
    using dir = tempDir();
    const script = `echo 'error: cache 17 is old'; [ -e ${dir.file("was-here")} ] || { : > ${dir.file("was-here")}; exit 0; }
      echo 'cp: cannot stat x: No such file or directory'; echo 'error: cache 9 is old'; exit 1`;
    expect(await causesOf(job("copy", { tasks: [shell("only", script)] }), 2)).toMatchObject([
      { text: "cp: cannot stat x: No such file or directory" },
    ]);
  });

  test("is a line that the last successful run did not print, even if no line but known noise reports an error", async () => {
    using dir = tempDir();
    const mark = dir.file("was-here");
    const script = `echo 'loading 40 partitions'; echo 'ERROR: legacy noise' >&2
      [ -e ${mark} ] || { : > ${mark}; exit 0; }; echo 'only 3 of 40 partitions arrived'; exit 1`;
    await using petit = await startEngine({ jobs: [job("load", { tasks: [shell("only", script)] })] });
    await petit.run("load");
    const { run } = await petit.run("load");
    expect(petit.store.runs.describeFailure(run.id).cause).toMatchObject({
      stream: "stdout",
      text: "only 3 of 40 partitions arrived",
    });
  });

  test("is null if no line explains it, and for an attempt that completed", async () => {
    expect(await causesOf(job("quiet", { tasks: [shell("only", "echo working; kill -9 $$")] }))).toEqual([null]);
    expect(await causesOf(job("fine", { tasks: [shell("only", "echo 'error: none really'")] }))).toEqual([null]);
  });

  test("is found near the start and in the last 1 MiB of much output", async () => {
    const filler = `awk 'BEGIN { for (i = 0; i < 40000; i++) print "copied file number " i " without a problem at all" }'`;
    const first = `echo 'fatal: the disk is broken'; ${filler}; exit 1`;
    const last = `${filler}; echo 'fatal: the disk is broken'; echo done; exit 1`;
    for (const script of [first, last])
      expect(await causesOf(job("much", { tasks: [shell("only", script)] }))).toMatchObject([
        { text: "fatal: the disk is broken" },
      ]);
  });

  test("is of each item", async () => {
    const script = 'echo "error: $PETIT_ITEM is away"; exit 1';
    const task = shell("each", script, { items: items(["one", "two"]) });
    const causes = await causesOf(job("fan", { tasks: [task] }));
    expect(causes.map((cause) => cause?.text)).toEqual(["error: one is away", "error: two is away"]);
  });
});

const FILLER = "copied file number 1234 without a problem at all\n";
const filler = (bytes: number): string => FILLER.repeat(Math.ceil(bytes / FILLER.length));

/** Stores output in chunks, as petit does. */
const write = (store: Store, attempt: Attempt, text: string, stream: OutputStream = "stdout"): void => {
  const all = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(all.length / MAX_CHUNK_BYTES) }, (_, index) =>
    all.subarray(index * MAX_CHUNK_BYTES, (index + 1) * MAX_CHUNK_BYTES),
  );
  store.output.append(
    attempt,
    chunks.map((bytes) => ({ stream, at: NOON, bytes, lines: countLines(bytes) })),
    { stdout: all.length, stderr: 0 },
  );
};

/** Stores a run with an attempt of each item, which are written to in turn, as by items that run at the same time. */
const manyAttempts = (store: Store, count: number): readonly Attempt[] => {
  const keys = Array.from({ length: count }, (_, index) => `item-${index}`);
  const each = shell("each", "false", { items: items(keys) });
  const run = startRun(store, { job: job("fan", { tasks: [each] }) });
  const stored = keys.map((key, index) => ({
    index,
    key,
    value: key,
    outputs: null,
    exitCode: null,
    childRunId: null,
  }));
  store.runs.startItems(run, taskId("each"), stored, NOON);
  return keys.map((_, item) => store.runs.startAttempt(run, { taskId: taskId("each"), item }, NOON));
};

const never = new AbortController().signal;

const failedOf = (attempt: Attempt) => ({ attempt, jobId: job("fan").id, itemKey: `item-${attempt.item}` });

describe("the search for causes", () => {
  test("reads none of the output of the other attempts of a run", async () => {
    using store = memoryStore();
    const attempts = manyAttempts(store, 200);
    store.transaction(() => {
      for (let part = 0; part < 3; part++) for (const attempt of attempts) write(store, attempt, filler(60_000));
      for (const attempt of attempts) write(store, attempt, `error: ${attempt.item} is away\n`);
    });
    const extents = attempts.map(({ id }) => store.output.listEnds(id));
    expect(extents.map(({ length }) => length)).toEqual(attempts.map(() => 4));
    const cpuMs = measureCpu();
    for (let round = 0; round < 10; round++) for (const { id } of attempts) store.output.listEnds(id);
    expect(cpuMs()).toBeLessThan(1_000);
  });

  test("takes less time for each of many attempts that fail together, and finds the causes of all", async () => {
    using store = memoryStore();
    const attempts = manyAttempts(store, 60);
    store.transaction(() => {
      for (const attempt of attempts) write(store, attempt, `${filler(1_200_000)}error: ${attempt.item} is away\n`);
    });
    const search = new CauseSearch({ store, clock: new FakeClock() });
    const cpuMs = measureCpu();
    const causes = await Promise.all(attempts.map((attempt) => search.find(failedOf(attempt), never)));
    // A full look at each would take 12 s.
    expect(cpuMs()).toBeLessThan(4_000);
    expect(causes.map((cause) => cause?.text)).toEqual(attempts.map(({ item }) => `error: ${item} is away`));
  });

  test("looks at the start of the output again when some time has passed", async () => {
    using store = memoryStore();
    const attempts = manyAttempts(store, 12);
    store.transaction(() => {
      for (const attempt of attempts) write(store, attempt, `fatal: no disk\n${filler(1_500_000)}`);
    });
    const clock = new FakeClock();
    const search = new CauseSearch({ store, clock });
    const found = [];
    for (const attempt of attempts) found.push(await search.find(failedOf(attempt), never));
    expect(found[0]?.text).toBe("fatal: no disk");
    expect(found.at(-1)).toBeNull();
    await clock.pass(60_000);
    expect(await search.find(failedOf(attempts[1] as Attempt), never)).toMatchObject({ text: "fatal: no disk" });
  });

  test("lets other work run in between", async () => {
    using store = memoryStore();
    const [attempt] = manyAttempts(store, 1) as [Attempt];
    store.transaction(() => write(store, attempt, `fatal: no disk\n${"10 %\r".repeat(200_000)}`));
    const search = new CauseSearch({ store, clock: new FakeClock() });
    let turns = 0;
    const found = search.find(failedOf(attempt), never).finally(() => {
      turns = -turns;
    });
    while (turns >= 0) {
      turns++;
      await setImmediate();
    }
    expect(-turns).toBeGreaterThan(10);
    expect(await found).toMatchObject({ text: "fatal: no disk" });
  });

  test("ends immediately when it is aborted, while it waits and while it runs", async () => {
    using store = memoryStore();
    const [running, waiting, next] = manyAttempts(store, 3) as [Attempt, Attempt, Attempt];
    const text = `error: away\n${filler(2_000_000)}`;
    store.transaction(() => {
      for (const attempt of [running, waiting, next]) write(store, attempt, text);
    });
    const search = new CauseSearch({ store, clock: new FakeClock() });
    const [end, endWaiting] = [new AbortController(), new AbortController()];
    const found = search.find(failedOf(running), end.signal);
    const skipped = search.find(failedOf(waiting), endWaiting.signal);
    const after = search.find(failedOf(next), never);
    let isFirstOver = false;
    void found.then(() => {
      isFirstOver = true;
    });
    endWaiting.abort();
    expect([await skipped, isFirstOver]).toEqual([null, false]);
    end.abort();
    const cpuMs = measureCpu();
    await found;
    expect(cpuMs()).toBeLessThan(100);
    expect(await after).toMatchObject({ text: "error: away" });
  });

  test("gives up when an attempt has waited for long", async () => {
    using store = memoryStore();
    const [running, waiting] = manyAttempts(store, 2) as [Attempt, Attempt];
    for (const attempt of [running, waiting]) write(store, attempt, `${filler(2_000_000)}error: away\n`);
    const clock = new FakeClock();
    const search = new CauseSearch({ store, clock });
    const found = [search.find(failedOf(running), never), search.find(failedOf(waiting), never)];
    await clock.pass(6_000);
    expect(await Promise.all(found)).toMatchObject([{ text: "error: away" }, null]);
  });

  test("reads no line that it sees only the end of", async () => {
    using store = memoryStore();
    const [attempt] = manyAttempts(store, 1) as [Attempt];
    write(store, attempt, "error: no: ".repeat(500_000));
    expect(await new CauseSearch({ store, clock: new FakeClock() }).find(failedOf(attempt), never)).toMatchObject({
      seq: 1,
    });
    const [other] = manyAttempts(store, 1) as [Attempt];
    write(store, other, `${"x".repeat(MAX_CHUNK_BYTES)}error: part of a line\nfine\n`);
    expect(await new CauseSearch({ store, clock: new FakeClock() }).find(failedOf(other), never)).toBeNull();
  });

  test("finds an error in JSON at the end of a line of several chunks", async () => {
    using store = memoryStore();
    const [attempt] = manyAttempts(store, 1) as [Attempt];
    write(store, attempt, `{"pages":["${"x".repeat(300_000)}"],"error":{"code":"QuotaExceeded"}}\nfine\n`);
    const cause = await new CauseSearch({ store, clock: new FakeClock() }).find(failedOf(attempt), never);
    expect(cause?.text).toContain('"error":{"code":"QuotaExceeded"}');
  });

  test("finds an error at the end of a line of several chunks", async () => {
    using store = memoryStore();
    const [attempt] = manyAttempts(store, 1) as [Attempt];
    write(store, attempt, `${"y".repeat(MAX_CHUNK_BYTES - 5)} error: the disk is full\nfine\n`);
    const cause = await new CauseSearch({ store, clock: new FakeClock() }).find(failedOf(attempt), never);
    // Each chunk has a number of its own.
    expect([cause?.seq, cause?.text]).toEqual([2, "… error: the disk is full"]);
  });

  test("gives the number of the line also if it begins within a chunk", async () => {
    using store = memoryStore();
    const attempts = manyAttempts(store, 30);
    const text = `${filler(60_000)}error: away\nfine\n`;
    store.transaction(() => {
      for (const attempt of attempts) write(store, attempt, text);
    });
    const search = new CauseSearch({ store, clock: new FakeClock() });
    const lines = text.split("\n").length - 1;
    for (const [index, attempt] of attempts.entries())
      expect((await search.find(failedOf(attempt), never))?.seq).toBe((index + 1) * lines - 1);
  });
});

describe("a failed run", () => {
  const loggedErrors = () => {
    const messages: string[] = [];
    const log: Pick<Log, "error"> = { error: (_, message) => messages.push(message) };
    return { messages, log };
  };

  test("ends as usual if the search for the cause fails", async () => {
    const { messages, log } = loggedErrors();
    await using petit = await startEngine({
      jobs: [job("load", { tasks: [shell("only", "echo 'error: away'; exit 3")] })],
      log: { ...silentLog, ...log },
      wrap: (store) => ({
        ...store,
        output: {
          ...store.output,
          listEnds: () => {
            throw new Error("disk I/O error");
          },
        },
      }),
    });
    const { run, summary, attempts } = await petit.run("load");
    expect([run.status, summary, attempts[0]?.exitCode, attempts[0]?.cause]).toEqual([
      "failed",
      "only failed(exit_code)",
      3,
      null,
    ]);
    expect(messages).toEqual(["cannot find the cause of a failure"]);
  });

  test("has the cause also if its own timeout ended the task, and if items are ended because others failed", async () => {
    const waits = "echo 'error: no answer from the server'; exec sleep 60";
    expect(await causesOf(job("late", { timeoutMs: 500, tasks: [shell("only", waits)] }))).toMatchObject([
      { text: "error: no answer from the server" },
    ]);
    const task = shell("each", 'echo "error: $PETIT_ITEM is away"; exit 1', {
      items: items(["one", "two", "three"], { failFast: true }),
    });
    const causes = await causesOf(job("fan", { tasks: [task] }));
    expect(causes[0]?.text).toBe("error: one is away");
  });

  test("compares the same part of the output of the last success", async () => {
    using dir = tempDir();
    const filler = `awk 'BEGIN { for (i = 0; i < 12000; i++) print "copied file number " i " without a problem at all" }'`;
    const script = `echo 'error: cache 17 is old'; ${filler}; [ -e ${dir.file("was-here")} ] || { : > ${dir.file("was-here")}; exit 0; }; exit 1`;
    expect(await causesOf(job("copy", { tasks: [shell("only", script)] }), 2)).toEqual([null]);
  });
});
