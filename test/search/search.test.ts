import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import type { RunId } from "../../src/domain/ids.ts";
import type { Run } from "../../src/domain/run.ts";
import { searchPatternOf } from "../../src/domain/search/search-pattern.ts";
import type { OutputStream } from "../../src/domain/task-run.ts";
import { findLines, type LineSearch, type LinesFound } from "../../src/search/finding.ts";
import { openIndexToRead } from "../../src/search/index-file.ts";
import { type IndexStatus, updateIndex } from "../../src/search/indexing.ts";
import { openStore } from "../../src/store/database/open.ts";
import type { Store } from "../../src/store/store.ts";
import { command, job, jobId, taskId } from "../support/engine/factories.ts";
import { startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";

const runtime = openRuntime();
const DONE = { status: "completed", reason: null, error: null, outputs: {} } as const;
const MIB = 2 ** 20;

let dir: string;
let store: Store;
let db: string;
let index: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "petit-search-"));
  db = join(dir, "petit.db");
  index = `${db}-search`;
  store = openStore({ path: db, runtime });
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

type Printed = string | { readonly text: string; readonly stream?: OutputStream; readonly at?: number };

const chunkOf = (printed: Printed) => {
  const { text, stream = "stdout", at = NOON } = typeof printed === "string" ? { text: printed } : printed;
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return { stream, at, bytes: Buffer.from(text), lines };
};

/** Stores a run that has printed chunks, and has ended unless `isOpen`. */
const ran = (chunks: readonly Printed[], { id = "hello", isOpen = false, at = NOON } = {}): Run => {
  const run = startRun(store, { job: job(id, { tasks: [command("main", "true")] }), now: at });
  const attempt = store.runs.startAttempt(run, { taskId: taskId("main"), item: null }, at);
  store.output.append(attempt, chunks.map(chunkOf), { stdout: 0, stderr: 0 });
  if (!isOpen) end(run);
  return run;
};

const end = (run: Run): void => void store.runs.finish(run.id, DONE, run.createdAt + 1);

const remove = (id: string, upTo = Number.MAX_SAFE_INTEGER): void => {
  const bounds = { limit: 1_000, untilMs: 1, clock: { monotonic: () => 0 } };
  store.runs.deleteExpired(jobId(id), { beyond: "either", upTo, age: null }, bounds);
};

type UpdateOptions = {
  readonly limitBytes?: number;
  readonly onStep?: (status: IndexStatus, abort: () => void) => void;
};

const update = ({ limitBytes = 2 ** 30, onStep = () => {} }: UpdateOptions = {}): Promise<IndexStatus> => {
  const over = new AbortController();
  return updateIndex({
    db,
    index,
    limitBytes,
    runtime,
    rest: () => Promise.resolve(),
    onStep: (status) => onStep(status, () => over.abort()),
    signal: over.signal,
  });
};

const search = async (
  text: string,
  given: Partial<Omit<LineSearch, "pattern">> & { readonly isExpression?: boolean } = {},
): Promise<LinesFound> => {
  const { isExpression = false, ...query } = given;
  const pattern = await searchPatternOf({ text, isExpression });
  if ("problem" in pattern) throw new Error(pattern.problem);
  const all = {
    jobIds: null,
    stream: null,
    status: null,
    since: null,
    before: null,
    limit: 100,
    context: 0,
    maxMs: 60_000,
  };
  return findLines({ db, index, runtime }, { ...all, ...query, pattern });
};

const places = ({ lines }: LinesFound): readonly (readonly [RunId, number])[] =>
  lines.map(({ run, seq }) => [run.id, seq]);

describe("a search", () => {
  test("finds lines of the newest run first, and its last line first", async () => {
    const old = ran(["one needle\nnone\nNEEDLE two\n"]);
    ran(["nothing here\n"]);
    const young = ran(["a needle"]);
    await update();
    const found = await search("Needle");
    expect(places(found)).toEqual([
      [young.id, 1],
      [old.id, 3],
      [old.id, 1],
    ]);
    expect(found.lines[1]).toMatchObject({
      taskId: taskId("main"),
      attempt: 1,
      stream: "stdout",
      at: NOON,
      text: "NEEDLE two",
      start: 0,
      end: 6,
    });
    expect(found).toMatchObject({ next: null, reach: { hasIndex: true, hasOlder: false, isFull: false, since: NOON } });
  });

  test("finds the same without an index, and what has ended since the last update", async () => {
    const first = ran(["needle\n"]);
    const before = await search("needle");
    expect(places(before)).toEqual([[first.id, 1]]);
    expect(before.reach.hasIndex).toBe(false);
    await update();
    const second = ran(["needle\n"]);
    expect(places(await search("needle"))).toEqual([
      [second.id, 1],
      [first.id, 1],
    ]);
  });

  test("leaves out a run until it has ended, and keeps its place then", async () => {
    const open = ran(["needle\n"], { isOpen: true });
    const young = ran(["needle\n"]);
    await update();
    expect(places(await search("needle"))).toEqual([[young.id, 1]]);
    end(open);
    const both = [
      [young.id, 1],
      [open.id, 1],
    ] as const;
    expect(places(await search("needle"))).toEqual(both);
    await update();
    expect(places(await search("needle"))).toEqual(both);
    using opened = openIndexToRead({ path: index, runtime, token: store.identity.getToken() });
    expect(opened?.listLater()).toEqual([]);
  });

  test("finds a run with much output that has ended late", async () => {
    const old = ran(["needle\n"]);
    const text = (at: number): string => `${"x".repeat(9_000)}${at % 100 === 0 ? " needle" : ""}\n`;
    const open = ran(
      Array.from({ length: 600 }, (_, at) => text(at)),
      { isOpen: true },
    );
    const young = ran(["needle\n"]);
    await update();
    end(open);
    const expected = [[young.id, 1], ...[501, 401, 301, 201, 101, 1].map((seq) => [open.id, seq]), [old.id, 1]];
    expect<unknown>(places(await search("needle"))).toEqual(expected);
    await update();
    expect<unknown>(places(await search("needle"))).toEqual(expected);
    const page = await search("needle", { limit: 3 });
    expect<unknown>([...places(page), ...places(await search("needle", { before: page.next }))]).toEqual(expected);
    using opened = openIndexToRead({ path: index, runtime, token: store.identity.getToken() });
    expect(opened?.listLater()).toEqual([]);
  });

  test("finds what is divided between two chunks of a long line, also between two characters of a search and blocks", async () => {
    const run = ran([`${"x".repeat(9_000)}nee`, { text: "needle\n", stream: "stderr" }, "dle here\nnext\n"]);
    const accent = ran([`${"x".repeat(9_000)}caf`, `é noir\n`]);
    const marker = ran(["nee", "dle\n"]);
    store.output.drop(store.runs.listAttempts(marker.id)[0] ?? fail(), [1], {
      seq: 1,
      stream: "stdout",
      at: NOON,
      text: "dropped nee",
      dropped: 3,
    });
    for (const step of ["not indexed", "indexed"]) {
      expect([step, places(await search("needle"))]).toEqual([
        step,
        [
          [run.id, 3],
          [run.id, 2],
        ],
      ]);
      expect(places(await search("CAFÉ noir"))).toEqual([[accent.id, 2]]);
      await update();
    }
  });

  test("selects jobs, streams and times", async () => {
    ran(["needle\n", { text: "needle\n", stream: "stderr" }], { id: "a" });
    const b = ran(
      [
        { text: "needle\n", at: NOON + 500 },
        { text: "needle\n", at: NOON + 1_500, stream: "stderr" },
      ],
      {
        id: "b",
        at: NOON + 2_000,
      },
    );
    await update();
    expect(places(await search("needle", { jobIds: [jobId("b")] }))).toEqual([
      [b.id, 2],
      [b.id, 1],
    ]);
    expect(places(await search("needle", { jobIds: [jobId("b")], stream: "stdout" }))).toEqual([[b.id, 1]]);
    expect(places(await search("needle", { since: NOON + 1_000 }))).toEqual([[b.id, 2]]);
    expect(places(await search("needle", { jobIds: [] }))).toEqual([]);
  });

  test("continues where the last page ended, within a run too", async () => {
    const runs = [ran(["needle\nneedle\nneedle\n"]), ran(["needle\nneedle\n"]), ran(["needle\n"])];
    await update();
    const late = ran(["needle\nneedle\n"]);
    const all = places(await search("needle"));
    expect(all).toHaveLength(8);
    const found: (readonly [RunId, number])[] = [];
    let before: LineSearch["before"] = null;
    do {
      const page = await search("needle", { limit: 3, before });
      found.push(...places(page));
      before = page.next;
    } while (before !== null);
    expect(found).toEqual([...all]);
    expect(found.slice(0, 3)).toEqual([
      [late.id, 2],
      [late.id, 1],
      [runs[2]?.id ?? fail(), 1],
    ]);
  });

  test("continues after a line whose run was deleted, with the older ones of the same time", async () => {
    const older = [ran(["needle\n"], { id: "kept" }), ran(["needle\n"], { id: "kept" })];
    ran(["needle\nneedle\n"], { id: "gone" });
    await update();
    const { next } = await search("needle", { limit: 1 });
    remove("gone");
    const expected = older.toReversed().map(({ id }) => [id, 1]);
    expect<unknown>(places(await search("needle", { before: next }))).toEqual(expected);
    // The number of the deleted run is that of a newer one.
    ran(["needle\n"], { id: "new" });
    expect<unknown>(places(await search("needle", { before: next }))).toEqual(expected);
  });

  test("does not continue after what is of no answer", async () => {
    const run = ran(["needle\n"]);
    expect((await search("needle", { before: { runId: run.id, seq: 1, place: 1 } })).isKnown).toBe(false);
  });

  test("of jobs with little output does not look up what others print", async () => {
    const runs = [ran(["a needle\n"], { id: "seen" }), ran(["hidden needle\n"], { id: "hidden" })];
    const open = ran(["late needle\n"], { id: "seen", isOpen: true });
    ran(["hidden needle\n"], { id: "hidden" });
    await update();
    end(open);
    // Whatever looks something up fails from now on.
    const opened = runtime.openDatabase(index);
    opened.exec("DROP TABLE text_1");
    opened.close();
    await expect(search("hidden needle")).rejects.toThrow("text_1");
    expect(places(await search("needle", { jobIds: [jobId("seen")] }))).toEqual([
      [open.id, 1],
      [runs[0]?.id ?? fail(), 1],
    ]);
    expect(places(await search("hidden needle", { jobIds: [jobId("seen")] }))).toEqual([]);
    expect(places(await search("hidden needle", { jobIds: [jobId("other")] }))).toEqual([]);
  });

  test("of jobs with much output finds only theirs", async () => {
    const runs = store.transaction(() =>
      Array.from({ length: 1_200 }, (_, at) => ran([`needle ${at}\n`], { id: at % 2 === 0 ? "seen" : "hidden" })),
    );
    await update();
    const seen = runs.filter((_, at) => at % 2 === 0).toReversed();
    const first = await search("needle", { jobIds: [jobId("seen")], limit: 50 });
    const rest = await search("needle", { jobIds: [jobId("seen")], limit: 1_000, before: first.next });
    expect([...places(first), ...places(rest)]).toEqual(seen.map(({ id }) => [id, 1]));
  });

  test("that runs out of time says where it continues", async () => {
    for (let count = 0; count < 3; count++) ran(["needle\n"]);
    await update();
    const found: (readonly [RunId, number])[] = [];
    let [before, pages]: [LineSearch["before"], number] = [null, 0];
    do {
      const page = await search("needle", { maxMs: 0, before });
      found.push(...places(page));
      before = page.next;
      pages++;
    } while (before !== null);
    expect([found.length, pages]).toEqual([3, 4]);
  });

  test("has lines before and after from the same stream", async () => {
    ran([
      "1\n2\n",
      { text: "other\n", stream: "stderr" },
      "3\nneedle\n",
      { text: "other\n", stream: "stderr" },
      "4\n5\n",
    ]);
    await update();
    const { lines } = await search("needle", { context: 2 });
    expect(lines[0]?.before.map(({ text }) => text)).toEqual(["2", "3"]);
    expect(lines[0]?.after.map(({ text }) => text)).toEqual(["4", "5"]);
    const others = await search("other", { context: 1, limit: 1 });
    expect(others.lines[0]).toMatchObject({ before: [{ seq: 3, text: "other" }], after: [] });
  });

  test("cuts a long line around the match", async () => {
    ran([`${"a".repeat(5_000)}needle${"b".repeat(5_000)}\n`]);
    await update();
    const [line] = (await search("needle")).lines;
    expect(line?.text).toHaveLength(500);
    expect(line?.text.slice(line.start, line.end)).toBe("needle");
  });

  test("says where the match is after characters whose lower case is longer", async () => {
    ran([`İİİ привет Cİn\n`, `${"İ".repeat(400)} abcdef ${"İ".repeat(400)}\n`]);
    const textOf = async (wanted: string, isExpression = false) => {
      const [line] = (await search(wanted, { isExpression })).lines;
      return line?.text.slice(line.start, line.end);
    };
    for (const step of ["not indexed", "indexed"]) {
      expect([step, await textOf("ПРИВЕТ"), await textOf("cİn"), await textOf("abc|def", true)]).toEqual([
        step,
        "привет",
        "Cİn",
        "abc",
      ]);
      await update();
    }
  });

  test("ignores escape sequences, and survives bytes that are no text", async () => {
    const run = startRun(store, { job: job("hello", { tasks: [command("main", "true")] }) });
    const attempt = store.runs.startAttempt(run, { taskId: taskId("main"), item: null }, NOON);
    const bytes = Buffer.concat([
      Buffer.from([0xff, 0x00, 0xfe, 10]),
      Buffer.from("after \0 zero \u001b[1mNee\u001b[0mdle\n"),
    ]);
    store.output.append(attempt, [{ stream: "stdout", at: NOON, bytes, lines: 2 }], { stdout: 0, stderr: 0 });
    end(run);
    await update();
    expect((await search("needle")).lines).toMatchObject([
      { seq: 2, text: "after \0 zero Needle", start: 13, end: 19 },
    ]);
  });

  test("matches regular expressions", async () => {
    const run = ran(["exit code 0\nexit code 3\nexit status 4\nEXIT CODE 5\n"]);
    await update();
    expect(places(await search("exit (code|status) [1-9]$", { isExpression: true }))).toEqual([
      [run.id, 4],
      [run.id, 3],
      [run.id, 2],
    ]);
  });

  test("finds exactly the lines that contain a text", async () => {
    const texts = fc.string({
      unit: fc.constantFrom("a", "b", "B", "é", "É", "ς", "😀", " ", '"', "%"),
      minLength: 3,
      maxLength: 5,
    });
    const lines = fc.array(
      fc.string({ unit: fc.constantFrom("a", "b", "A", "é", "É", "σ", "Σ", "😀", " ", '"', "%"), maxLength: 12 }),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    const runs = fc
      .sample(lines, { numRuns: 60, seed: 5 })
      .map((each) => ({ run: ran([`${each.join("\n")}\n`]), lines: each }));
    await update();
    const plain = (text: string): string => text.toLowerCase().replaceAll("ς", "σ");
    for (const text of fc.sample(texts, { numRuns: 300, seed: 6 })) {
      const expected = runs
        .toReversed()
        .flatMap(({ run, lines: printed }) =>
          printed
            .flatMap((line, at) => (plain(line).includes(plain(text)) ? [[run.id, at + 1] as const] : []))
            .toReversed(),
        );
      expect([text, places(await search(text, { limit: 10_000 }))]).toEqual([text, expected]);
    }
  });
});

describe("the index", () => {
  test("is built from the newest run back", async () => {
    const runs = store.transaction(() => Array.from({ length: 700 }, (_, at) => ran([`needle ${at}\n`])));
    const steps: IndexStatus[] = [];
    await update({
      onStep: (status, abort) => {
        steps.push(status);
        abort();
      },
    });
    expect(steps).toMatchObject([{ isBuilding: true, isFull: false }]);
    const part = await search("needle", { limit: 1_000 });
    expect(part.reach).toMatchObject({ hasIndex: true, hasOlder: true, isFull: false });
    const token = store.identity.getToken();
    using opened = openIndexToRead({ path: index, runtime, token });
    expect(opened?.reach).toEqual({ low: 201, high: 700, isFull: false });
    expect(places(part)).toEqual(runs.toReversed().map(({ id }) => [id, 1]));
    expect(await update()).toMatchObject({ isBuilding: false, failure: null });
    expect((await search("needle", { limit: 1_000 })).lines).toHaveLength(700);
  });

  test("loses runs that were deleted", async () => {
    ran(["needle\n"], { id: "gone" });
    const kept = ran(["needle\n"], { id: "kept" });
    await update();
    remove("gone");
    expect(places(await search("needle"))).toEqual([[kept.id, 1]]);
    await update();
    using opened = openIndexToRead({ path: index, runtime, token: store.identity.getToken() });
    expect(opened?.listRuns(0, 10)).toHaveLength(1);
  });

  test("does not take a run for a deleted one whose number it has", async () => {
    ran(["needle\n"]);
    await update();
    remove("hello");
    const other = ran(["other\n"]);
    expect(places(await search("needle"))).toEqual([]);
    await update();
    expect(places(await search("needle"))).toEqual([]);
    expect(places(await search("other"))).toEqual([[other.id, 1]]);
  });

  test("stays within its limit, and has the newest runs", async () => {
    const noise = (): string => {
      let text = "";
      while (text.length < 60_000) text += `${crypto.randomUUID()} ${crypto.randomUUID()}\n`;
      return text;
    };
    const limitBytes = 2 * MIB;
    store.transaction(() => {
      for (let at = 0; at < 200; at++) ran([noise(), "needle\n"]);
    });
    const status = await update({ limitBytes });
    expect(status).toMatchObject({ isFull: true, isBuilding: false, failure: null });
    const found = await search("needle", { limit: 1_000 });
    expect(found.reach).toMatchObject({ hasOlder: true, isFull: true });
    expect(found.lines.length).toBeGreaterThan(20);
    expect(found.lines.length).toBeLessThan(200);
    const newest: RunId[] = [];
    for (let at = 0; at < 60; at++) {
      newest.unshift(ran([noise(), "needle\n"]).id);
      if (at % 10 === 0) await update({ limitBytes });
      expect(statSync(index).size).toBeLessThanOrEqual(limitBytes);
    }
    await update({ limitBytes });
    const again = await search("needle", { limit: 1_000 });
    expect(places(again).slice(0, 60)).toEqual(newest.map((id) => [id, expect.any(Number)]));
    await update({ limitBytes: MIB });
    expect(statSync(index).size).toBeLessThanOrEqual(MIB);
    const bigger = await update({ limitBytes: 2 ** 30 });
    expect(bigger).toMatchObject({ isFull: false, isBuilding: false });
    expect((await search("needle", { limit: 1_000 })).lines).toHaveLength(260);
  }, 60_000);

  test("has the newest runs that fit, however small its limit is", async () => {
    // Each sequence of three characters is new. The index is larger than the output.
    let state = 1;
    const noise = (characters: number): string =>
      Array.from({ length: characters }, () => {
        state = (state * 48_271) % 2_147_483_647;
        return String.fromCharCode(0x4e00 + (state % 20_000));
      }).join("");
    const runs = store.transaction(() =>
      Array.from({ length: 60 }, (_, at) => ran([`${noise(at === 58 ? 300_000 : 3_000)}\n`, "needle\n"])),
    );
    const limitBytes = MIB;
    expect(await update({ limitBytes })).toMatchObject({ isFull: true, failure: null });
    const found = places(await search("needle"));
    // With the large one, which is read.
    expect(found.length).toBeGreaterThan(2);
    expect(found).toEqual(
      runs
        .toReversed()
        .slice(0, found.length)
        .map(({ id }) => [id, expect.any(Number)]),
    );
    expect(statSync(index).size).toBeLessThanOrEqual(limitBytes);
  });

  test.each<[string, () => void]>([
    ["lost", () => rmSync(index)],
    ["overwritten", () => writeFileSync(index, "garbage ".repeat(2_000))],
    ["cut", () => writeFileSync(index, new Uint8Array(5_000))],
    ["of another database", () => store.identity.renew({ now: NOON, isHere: () => false })],
  ])("is built again when it is %s", async (_, damage) => {
    const run = ran(["needle\n"]);
    await update();
    damage();
    for (const suffix of ["-wal", "-shm"]) rmSync(`${index}${suffix}`, { force: true });
    expect((await search("needle")).reach.hasIndex).toBe(false);
    expect(await update()).toMatchObject({ failure: null, isBuilding: false });
    const found = await search("needle");
    expect(found.reach.hasIndex).toBe(true);
    expect(places(found)).toEqual([[run.id, 1]]);
    expect(statSync(index).mode & 0o777).toBe(0o600);
  });

  test("that can't be opened makes a search read all runs, and is said to fail", async () => {
    const run = ran(["needle\n"]);
    mkdirSync(join(index, "folder"), { recursive: true });
    const found = await search("needle");
    expect([places(found), found.reach.hasIndex]).toEqual([[[run.id, 1]], false]);
    expect((await update()).failure).toMatchObject({ fault: "unwritable" });
  });

  test("says that it can't be written", async () => {
    ran(["needle\n"]);
    const status = await updateIndex({
      db,
      index: join(dir, "missing", "index"),
      limitBytes: MIB,
      runtime,
      rest: () => Promise.resolve(),
      onStep: () => {},
      signal: new AbortController().signal,
    });
    expect(status.failure).toMatchObject({ fault: "unwritable", error: expect.stringContaining("missing") });
  });
});

const fail = (): never => {
  throw new Error("missing");
};
