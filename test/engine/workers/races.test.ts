import { describe, expect, test } from "bun:test";
import { PetitError } from "../../../src/domain/errors.ts";
import { waitsForText } from "../../../src/domain/words/waits-for.ts";
import { type WorkerWait, waitsForWorker } from "../../../src/domain/workers/waiting.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { FakeTransport } from "../../support/workers/fake-transport.ts";
import { fakeWorker, holdOf } from "../../support/workers/fake-worker.ts";
import { LOST_AFTER_MS, remoteJob, startWithWorkers } from "../../support/workers/started.ts";

const TAKEN = { granted: false, reason: "taken", isOpen: false } as const;

describe("of several claims", () => {
  test("one wins, and only a repetition of it is granted again", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const [a, b, c] = [fakeWorker(transport, "a"), fakeWorker(transport, "b"), fakeWorker(transport, "c")];
    for (const box of [a, b, c]) await box.hello();
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    const answers = await Promise.all([a.claim(offer), b.claim(offer), a.claim(offer), c.claim(offer)]);
    expect(answers).toEqual([{ granted: true, proof: expect.any(String) }, TAKEN, answers[0], TAKEN]);
    expect(await a.claim(offer)).toMatchObject({ granted: true });
    expect(await a.claim(offer, { nonce: "another" })).toEqual(TAKEN);
    expect(await a.claim(offer, { instance: "another" })).toMatchObject({ granted: false, reason: "name_in_use" });
  });

  test.each([
    { what: "a worker that did not say hello", reason: "not_ready", hasGreeted: false },
    { what: "a worker without the labels", reason: "labels", given: { labels: ["cpu"] } },
    { what: "a worker of another protocol", reason: "protocol", given: { protocol: 99 } },
    { what: "a worker that is drained", reason: "drained", isDrained: true },
  ])("that of $what is refused", async ({ reason, given = {}, hasGreeted = true, isDrained = false }) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7", given);
    if (hasGreeted) await box.hello();
    if (isDrained) await petit.engine.drainWorker("box7");
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    expect<unknown>(await box.claim(offer)).toEqual({ granted: false, reason, isOpen: true });
    expect(await box.claim({ ...offer, attempt: 99 })).toMatchObject({ granted: false, reason: "unknown" });
  });
});

test("a claim of a taken offer says whether petit published its message", async () => {
  const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
  await using _ = petit;
  const box = fakeWorker(transport, "box7");
  await box.hello();
  await petit.trigger("hello");
  const { offer } = await transport.offered();
  expect(await box.claim(offer, { message: 2 })).toMatchObject({ granted: true });
  expect(await box.claim(offer, { nonce: "another", message: 1 })).toMatchObject({ reason: "taken" });
  expect(await box.claim(offer, { nonce: "another", message: 2 })).toMatchObject({ reason: "replayed" });
  await box.outcome(offer);
  expect(await box.claim(offer, { nonce: "another", message: 2 })).toMatchObject({ reason: "replayed" });
});

test("nothing is granted or acknowledged that can't be stored", async () => {
  let isFull = false;
  const { petit, transport } = await startWithWorkers({
    jobs: [remoteJob("hello")],
    wrap: (store) => ({
      ...store,
      transaction: (work) => {
        if (isFull) throw new PetitError("storage_failed", "the disk is full");
        return store.transaction(work);
      },
    }),
  });
  await using _ = petit;
  const box = fakeWorker(transport, "box7");
  await box.hello();
  const run = await petit.trigger("hello");
  const { offer } = await transport.offered();
  isFull = true;
  expect(await box.claim(offer)).toEqual({ failed: "unavailable" });
  isFull = false;
  expect(await box.claim(offer)).toMatchObject({ granted: true });
  expect(await box.output(offer, 0, ["one\n"])).toEqual({ acknowledged: 4 });
  isFull = true;
  expect(await box.output(offer, 4, ["two\n"])).toEqual({ failed: "unavailable" });
  isFull = false;
  expect(await box.output(offer, 4, ["two\n"])).toEqual({ acknowledged: 8 });
  expect(await box.outcome(offer, { offset: 8 })).toEqual({ stored: true });
  const { chunks, output } = await petit.ended(run.id);
  expect([output(), chunks.length]).toEqual(["one\ntwo\n", 2]);
});

describe("an offer", () => {
  test("is published again when NATS has lost everything", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    await petit.trigger("hello");
    const first = await transport.offered();
    transport.disconnect();
    transport.connect();
    const again = await transport.offered(1);
    expect([again.id, again.offer.epoch]).toEqual([first.id, 1]);
  });

  test("that could not be published is published as soon as there is a connection", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    transport.disconnect();
    await petit.trigger("hello");
    transport.connect();
    await transport.offered();
  });

  test("is published again before it expires, and when publishing fails", async () => {
    const clock = new FakeClock();
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")], clock });
    await using _ = petit;
    transport.isRefusing = true;
    await petit.trigger("hello");
    await clock.pass(10);
    transport.isRefusing = false;
    await clock.pass(3_000);
    expect(transport.offers).toHaveLength(1);
    await clock.pass(4 * 60_000);
    expect(transport.offers).toHaveLength(1);
    await clock.pass(2 * 60_000);
    expect(transport.offers).toHaveLength(2);
    const [first, second] = transport.offers;
    expect((second?.offer.expiresAt ?? 0) - (first?.offer.expiresAt ?? 0)).toBeGreaterThan(4 * 60_000);
  });

  test("has the next epoch when its worker says that it does not have it", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    await box.hello([holdOf(offer, "claiming")]);
    expect(transport.offers).toHaveLength(1);
    // A hello alone is no proof: it may have been sent before the claim.
    expect((await box.hello([])).verdicts).toMatchObject([{ attempt: offer.attempt, verdict: "missing" }]);
    expect(transport.offers).toHaveLength(1);
    await box.hello([], { lacks: [offer] });
    const second = await transport.offered(1);
    expect(second.offer).toMatchObject({ attempt: offer.attempt, epoch: 2 });
    expect(await box.claim(offer)).toEqual(TAKEN);
    expect(await box.output(offer, 0, ["old\n"])).toEqual({ refused: "not_yours" });
    expect(await box.outcome(offer)).toEqual({ refused: "not_yours" });
    expect(petit.store.notes.list(run.id)).toMatchObject([{ worker: "box7", epoch: 1, code: "late_outcome" }]);
    await box.claim(second.offer);
    expect(await box.output(offer, 0, ["old\n"])).toEqual({ refused: "not_yours" });
    expect(await box.outcome(offer)).toEqual({ refused: "not_yours" });
    expect(await box.outcome(second.offer)).toEqual({ stored: true });
    const { summary, attempts } = await petit.ended(run.id);
    expect([summary, attempts.length]).toEqual(["far completed", 1]);
  });
});

describe("the hello of a worker", () => {
  test("gets a verdict for each attempt", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    const other = fakeWorker(transport, "box8");
    await box.hello();
    await other.hello();
    await petit.trigger("hello");
    const { offer, set } = await transport.offered();
    await box.claim(offer);
    const { attempt, scheduler } = offer;
    const holds = [offer, { attempt, scheduler, epoch: 2 }, { attempt: 99, scheduler, epoch: 1 }];
    const { verdicts, sets } = await box.hello(
      [...holds, { ...offer, scheduler: "another" }].map((each) => holdOf(each)),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["keep", "kill", "kill", "unknown"]);
    expect(sets).toEqual([set]);
    const forged = await other.hello([holdOf(offer)]);
    expect(forged.verdicts.map(({ verdict }) => verdict)).toEqual(["kill"]);
    expect(await other.outcome(offer)).toEqual({ refused: "not_yours" });
    expect(await other.output(offer, 0, ["forged\n"])).toEqual({ refused: "not_yours" });
    // After the database was replaced, its ids begin anew.
    const earlier = { ...offer, scheduler: "another" };
    expect(await box.output(earlier, 0, ["earlier\n"])).toEqual({ refused: "not_yours" });
    expect(await box.outcome(earlier)).toEqual({ refused: "not_yours" });
    expect(await box.outcome(offer)).toEqual({ stored: true });
  });

  test("is refused while another worker of the name is in contact, or of another protocol", async () => {
    const { petit, transport } = await startWithWorkers();
    await using _ = petit;
    await fakeWorker(transport, "box7", { instance: "one" }).hello();
    const second = fakeWorker(transport, "box7", { instance: "two" });
    expect(await second.hello()).toMatchObject({ refused: "name_in_use", sets: [], verdicts: [] });
    await fakeWorker(transport, "box7", { instance: "one" }).hello([], { leaving: true });
    expect(petit.engine.workers).toMatchObject([{ state: "gone" }]);
    expect(await second.hello()).toMatchObject({ refused: null });
    expect(await fakeWorker(transport, "old", { protocol: 0 }).hello()).toMatchObject({
      refused: "protocol",
      sets: [],
    });
    const future = { instance: "i", protocol: 99, labels: { all: ["gpu"] } };
    expect(await transport.request("new", "hello", future)).toMatchObject({ refused: "protocol", sets: [] });
    expect(petit.engine.workers).toMatchObject([
      { name: "box7", state: "connected" },
      { name: "new", state: "refused", refused: "protocol", protocol: 99, clockDifferenceMs: null },
      { name: "old", state: "refused", refused: "protocol" },
    ]);
  });

  test("that is drained is named by what waits for it", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    await transport.offered();
    const text = () =>
      petit.engine.listWorkerWaits(run.id).map((wait) => waitsForText(waitsForWorker(wait, petit.engine.workers)));
    expect(text()).toEqual(["a free slot of a worker with gpu"]);
    await petit.engine.drainWorker("box7");
    expect(text()).toEqual(["a worker with gpu: box7 is drained"]);
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([{ kind: "no_worker", drained: ["box7"] }]);
    await petit.engine.resumeWorker("box7");
    expect(text()).toEqual(["a free slot of a worker with gpu"]);
  });

  test.each([
    ["trusts another key", { trusts: ["ed25519:another"] }, "untrusted", "box7 refuses petit's key"],
    ["can't store anything", { cannotStore: "the disk is full" }, "storage", "box7 can't store anything"],
  ] as const)("of a worker that %s gets no work, which people are told", async (_what, given, reason, text) => {
    const { petit, transport, signingKey } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    const answer = await box.hello([], given);
    expect(answer).toMatchObject({ refused: reason, sets: [], keys: [signingKey.publicKey] });
    expect(await box.claim(offer)).toEqual({ granted: false, reason, isOpen: true });
    const { workers } = petit.engine;
    expect(workers).toMatchObject([{ state: "refused", refused: reason }]);
    const [wait] = petit.engine.listWorkerWaits(run.id);
    expect(waitsForText(waitsForWorker(wait as WorkerWait, workers))).toBe(`a worker with gpu: ${text}`);
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([{ kind: "worker_refused", worker: "box7", reason }, { kind: "no_worker" }]);
    const other = fakeWorker(transport, "box8");
    await other.hello();
    expect(waitsForText(waitsForWorker(wait as WorkerWait, petit.engine.workers))).toBe(
      `a free slot of a worker with gpu; ${text}`,
    );
    expect(await box.hello([], { trusts: [signingKey.publicKey] })).toMatchObject({ refused: null });
    expect(await box.claim(offer)).toMatchObject({ granted: true });
    expect((await petit.engine.listAttention(10)).items).toEqual([]);
  });

  test("of a drained worker gets no label sets, and a new label set makes a worker say hello", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    await petit.trigger("hello");
    expect(await transport.controlled()).toEqual({ worker: "box7", message: { kind: "greet" } });
    await petit.engine.drainWorker("box7", "ann");
    expect(await box.hello()).toMatchObject({ draining: true, sets: [] });
    await petit.engine.resumeWorker("box7");
    expect((await box.hello()).sets).toHaveLength(1);
    await expect(petit.engine.drainWorker("box")).rejects.toThrow("box7");
    await expect(petit.engine.forgetWorker("box7")).rejects.toThrow();
  });

  test("that is malformed is answered with what is wrong with it, and logged once", async () => {
    const log = recordingLog();
    const { petit, transport } = await startWithWorkers({ log });
    await using _ = petit;
    const detail = expect.stringContaining("/instance");
    for (let time = 1; time <= 2; time++)
      expect(await transport.request("box7", "hello", { version: 1 })).toEqual({ failed: "invalid", detail });
    expect(await transport.request("box7", "output", null)).toMatchObject({ failed: "invalid" });
    const logged = log
      .text()
      .match(/.*invalid message.*/g)
      ?.map((line) => JSON.parse(line).level);
    expect(logged).toEqual(["warn", "debug", "warn"]);
  });
});

describe("output", () => {
  test("that is sent again is stored once, and a gap is not stored", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    expect(await box.output(offer, 4, ["two\n"])).toEqual({ acknowledged: 0 });
    const answers = [
      box.output(offer, 0, ["one\n", "two\n"]),
      box.output(offer, 0, ["one\n", "two\n", "three\n"]),
      box.output(offer, 6, ["o\nthree\nfour\n"]),
    ];
    expect(await Promise.all(answers)).toEqual([{ acknowledged: 8 }, { acknowledged: 14 }, { acknowledged: 19 }]);
    expect(await box.outcome(offer, { offset: 30 })).toEqual({ again: "output", offset: 19 });
    expect(await box.outcome(offer, { offset: 19 })).toEqual({ stored: true });
    const { chunks, output } = await petit.ended(run.id);
    expect(output()).toBe("one\ntwo\nthree\nfour\n");
    expect(chunks.map(({ seq, lines }) => [seq, lines])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
    expect(await box.output(offer, 19, ["late\n"])).toEqual({ refused: "not_yours" });
    expect(await box.outcome(offer)).toEqual({ stored: true });
  });

  test("that the worker dropped is marked, and counted once", async () => {
    const settings = { logLimitBytes: 1_000 };
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")], settings });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const line = `${"x".repeat(99)}\n`;
    expect(await box.output(offer, 0, [...Array(5).fill(line), 900])).toEqual({ acknowledged: 1_400 });
    // The worker could not know that petit has the first part of this.
    expect(await box.output(offer, 500, [1_000, ...Array(5).fill(line)])).toEqual({ acknowledged: 2_000 });
    await box.outcome(offer, { offset: 2_000 });
    const { output } = await petit.ended(run.id);
    expect(output()).toContain("[petit: 1000 bytes dropped here;");
    expect(output().replace(/\[.*\]\n/, "")).toBe(line.repeat(10));
  });

  test.each([
    ["less", "one\n", 5],
    ["more", "one\n", 3],
  ])("whose chunks need %s bytes than there are is refused", async (_name, text, bytes) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const { attempt, epoch } = offer;
    const chunks = [{ stream: "stdout", at: 0, lines: 1, bytes }];
    const message = { attempt, epoch, offset: 0, chunks };
    expect(await transport.request("box7", "output", message, Buffer.from(text))).toMatchObject({ failed: "invalid" });
  });
});

describe("a worker out of reach", () => {
  const started = async (task = {}) => {
    const clock = new FakeClock();
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", task)], clock });
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    await clock.pass(1);
    const { offer } = await transport.offered();
    const claimed = box.claim(offer);
    await clock.pass(1);
    await claimed;
    return { clock, petit, transport, box, run, offer };
  };

  test("is unreachable, then lost, and what it says after that is a note", async () => {
    const { clock, petit, box, run, offer } = await started();
    await using _ = petit;
    await clock.pass(LOST_AFTER_MS / 4);
    await box.hello([holdOf(offer)]);
    await clock.pass(LOST_AFTER_MS - 2_000);
    expect(petit.engine.workers).toMatchObject([{ state: "unreachable" }]);
    expect(petit.read(run.id).summary).toBe("far running");
    await clock.pass(4_000);
    const { run: ended, summary, attempts } = petit.read(run.id);
    expect([ended.status, summary]).toEqual(["interrupted", "far failed(worker_lost)"]);
    expect(attempts[0]?.error).toBe("worker box7 was out of reach for 1m");
    expect(petit.engine.workers).toMatchObject([{ state: "lost", attempts: [] }]);
    expect((await box.hello([holdOf(offer, "ended")])).verdicts).toMatchObject([{ verdict: "kill" }]);
    expect(await box.outcome(offer)).toEqual({ refused: "not_yours" });
    expect(await box.outcome(offer)).toEqual({ refused: "not_yours" });
    expect(petit.store.notes.list(run.id)).toMatchObject([{ detail: { status: "completed", exit_code: 0 } }]);
    expect(petit.read(run.id).summary).toBe("far failed(worker_lost)");
    const events = petit.store.events.after(0, 100).filter(({ type }) => type === "worker");
    expect(events.map(({ status }) => status)).toEqual(["connected", "unreachable", "lost", "connected"]);
  });

  test("can leave a note only on an attempt that it had", async () => {
    const { clock, petit, transport, box, run, offer } = await started();
    await using _ = petit;
    const other = fakeWorker(transport, "box8");
    await other.hello();
    const tell = async (worker: typeof box, given: Partial<typeof offer> = {}): Promise<void> => {
      expect(await worker.outcome({ ...offer, ...given })).toEqual({ refused: "not_yours" });
    };
    await tell(other);
    await tell(other, { epoch: 2 });
    await clock.pass(LOST_AFTER_MS + 2_000);
    await tell(other);
    expect(petit.store.notes.list(run.id)).toEqual([]);
    await tell(box);
    expect(petit.store.notes.list(run.id)).toMatchObject([{ worker: "box7" }]);
  });

  test("with on_interrupt: rerun, leaves its attempt to another one", async () => {
    const clock = new FakeClock();
    const jobs = [remoteJob("hello", {}, { onInterrupt: "rerun" })];
    const { petit, transport } = await startWithWorkers({ jobs, clock });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    const other = fakeWorker(transport, "box8");
    await box.hello();
    const run = await petit.trigger("hello");
    await clock.pass(1);
    const first = await transport.offered();
    await Promise.all([box.claim(first.offer), clock.pass(1)]);
    await clock.pass(LOST_AFTER_MS + 2_000);
    await other.hello();
    const second = await transport.offered(1);
    expect(second.offer).toMatchObject({ attemptNumber: 2, epoch: 1, onInterrupt: "rerun" });
    await Promise.all([other.claim(second.offer), clock.pass(1)]);
    await Promise.all([other.outcome(second.offer), clock.pass(1)]);
    const { run: ended, attempts } = petit.read(run.id);
    expect(ended.status).toBe("completed");
    expect(attempts.map(({ worker, reason }) => [worker, reason])).toEqual([
      ["box7", "worker_lost"],
      ["box8", null],
    ]);
  });

  test("is not lost before the lease is over that it knows, although lost_after is shorter now", async () => {
    const { clock, petit, box, run, offer } = await started();
    await using _ = petit;
    await box.hello([holdOf(offer)], { lostAfterMs: 3 * LOST_AFTER_MS });
    await clock.pass(3 * LOST_AFTER_MS - 2_000);
    expect(petit.store.workers.find("box7")?.lostAfterMs).toBe(3 * LOST_AFTER_MS);
    expect(petit.read(run.id).summary).toBe("far running");
    await box.hello([holdOf(offer)], { lostAfterMs: LOST_AFTER_MS });
    await clock.pass(LOST_AFTER_MS + 2_000);
    expect(petit.read(run.id).summary).toBe("far failed(worker_lost)");
  });

  test("is not lost while petit itself is cut off or suspended", async () => {
    const { clock, petit, transport, run } = await started();
    await using _ = petit;
    await clock.pass(LOST_AFTER_MS / 2);
    transport.disconnect();
    await clock.pass(2 * LOST_AFTER_MS);
    expect(petit.engine.workers).toMatchObject([{ state: "unknown" }]);
    transport.connect();
    await clock.pass(LOST_AFTER_MS - 2_000);
    expect(petit.read(run.id).summary).toBe("far running");
    await clock.pass(4_000);
    expect(petit.read(run.id).summary).toBe("far failed(worker_lost)");
  });

  test("leaves its name to another one when it is lost", async () => {
    const { clock, petit, transport } = await started();
    await using _ = petit;
    const other = fakeWorker(transport, "box7", { instance: "another" });
    expect(await other.hello()).toMatchObject({ refused: "name_in_use" });
    await clock.pass(LOST_AFTER_MS + 2_000);
    expect(await other.hello()).toMatchObject({ refused: null });
  });
});

describe("a petit that starts again", () => {
  test("offers what nobody had claimed, and follows what a worker has", async () => {
    using dir = tempDir();
    const jobs = [remoteJob("one"), remoteJob("two")];
    const first = await startWithWorkers({ jobs, dir: dir.path });
    const box = fakeWorker(first.transport, "box7");
    await box.hello();
    const claimed = await first.petit.trigger("one");
    const { offer } = await first.transport.offered();
    await box.claim(offer);
    await box.output(offer, 0, ["before\n"]);
    const open = await first.petit.trigger("two");
    const unclaimed = await first.transport.offered(1);
    await first.petit.stop("leave");
    expect(await first.transport.request("box7", "outcome", {})).toBeNull();

    const transport = new FakeTransport();
    const { petit } = await startWithWorkers({ jobs, dir: dir.path, transport });
    await using _ = petit;
    const again = fakeWorker(transport, "box7");
    expect(await transport.controlled()).toEqual({ worker: "box7", message: { kind: "greet" } });
    const published = await transport.offered();
    expect(published.offer).toMatchObject({ attempt: unclaimed.offer.attempt, epoch: 1 });
    expect(petit.read(open.id).summary).toBe("far pending");
    expect((await again.hello([holdOf(offer)])).verdicts).toMatchObject([{ verdict: "keep", end: null }]);
    expect(await again.output(offer, 0, ["before\n", "after\n"])).toEqual({ acknowledged: 13 });
    expect(await again.outcome(offer, { offset: 13 })).toEqual({ stored: true });
    await again.claim(published.offer);
    await again.outcome(published.offer);
    expect((await petit.ended(claimed.id)).output()).toBe("before\nafter\n");
    expect((await petit.ended(open.id)).summary).toBe("far completed");
    expect(transport.offers).toHaveLength(1);
  });

  test("with the end of an attempt not stored yet does not tell its worker to delete it", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const outcome = box.outcome(offer);
    const hello = box.hello([holdOf(offer, "ended")]);
    expect((await hello).verdicts).toMatchObject([{ verdict: "keep" }]);
    expect(await outcome).toEqual({ stored: true });
    await petit.ended(run.id);
  });

  test("does not wait for workers when it drains, and ends nothing there", async () => {
    using dir = tempDir();
    const jobs = [remoteJob("hello")];
    const { petit, transport } = await startWithWorkers({ jobs, dir: dir.path });
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    await petit.stop("drain");
    const second = await startWithWorkers({ jobs, dir: dir.path });
    await using _ = second.petit;
    const again = fakeWorker(second.transport, "box7");
    expect((await again.hello([holdOf(offer)])).verdicts).toMatchObject([{ verdict: "keep", end: null }]);
    await again.outcome(offer);
    expect((await second.petit.ended(run.id)).run.status).toBe("completed");
  });
});
