import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import {
  CLAIM_CONTEXT,
  claimProofBytes,
  OFFER_CONTEXT,
  readOffer,
  readSignedOffer,
} from "../../../src/domain/workers/protocol.ts";
import { waitingByLabels } from "../../../src/domain/workers/waiting.ts";
import { parseExactly } from "../../../src/lib/json.ts";
import { encodeFrame } from "../../../src/lib/wire/frame.ts";
import { generateSigningKey, isSignedBy, isSignedByAny } from "../../../src/lib/wire/signing.ts";
import { items, job, program, retry, shell, taskId } from "../../support/engine/factories.ts";
import { canMount, smallDisk } from "../../support/engine/faults.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";
import { fakeWorker, holdOf } from "../../support/workers/fake-worker.ts";
import { remoteJob, startWithWorkers } from "../../support/workers/started.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64");

describe("an attempt on a worker", () => {
  test("is offered, claimed, followed and ended", async () => {
    const { petit, transport, signingKey } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer, header, body, id } = await transport.offered();
    const { publicKey } = signingKey;
    const signature = bytesOf((header as { signature: string }).signature);
    expect(isSignedBy(publicKey, { context: OFFER_CONTEXT, message: body, signature })).toBe(true);
    expect(offer).toMatchObject({ epoch: 1, labels: ["gpu"], attemptNumber: 1, onInterrupt: "fail" });
    expect(id).toBe(`${offer.scheduler}:${offer.attempt}:1`);
    expect(petit.read(run.id).summary).toBe("far pending");
    expect(petit.engine.listWorkerWaits(run.id)).toMatchObject([{ taskId: "far", labels: ["gpu"], type: "shell" }]);

    const answer = await box.claim(offer);
    if (!("proof" in answer)) throw new Error("the claim was refused");
    const claim = { ...offer, worker: "box7", nonce: `box7 ${offer.attempt}` };
    const proof = { context: CLAIM_CONTEXT, message: claimProofBytes(claim), signature: bytesOf(answer.proof) };
    expect(isSignedBy(publicKey, proof)).toBe(true);
    expect(petit.read(run.id).summary).toBe("far running");
    expect(petit.engine.listWorkerWaits()).toEqual([]);
    expect(petit.engine.workers).toMatchObject([
      { name: "box7", state: "connected", attempts: [{ runId: run.id, taskId: "far", attemptId: offer.attempt }] },
    ]);

    expect(await box.output(offer, 0, ["one\n", "two\n"])).toEqual({ acknowledged: 8 });
    await petit.written(run.id, "one\ntwo\n");
    expect(await box.outcome(offer, { offset: 8, durationMs: 0 })).toEqual({ stored: true });
    const { run: ended, attempts, summary } = await petit.ended(run.id);
    expect([ended.status, summary]).toEqual(["completed", "far completed"]);
    expect(attempts).toMatchObject([{ worker: "box7", status: "completed", exitCode: 0 }]);
    expect(petit.engine.workers).toMatchObject([{ attempts: [] }]);
    expect(petit.spooled).toEqual([]);
  });

  test("is signed with each key while the key of petit is replaced", async () => {
    const [old, next] = [generateSigningKey(), generateSigningKey()];
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")], signingKeys: [old, next] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7", { trusts: [next.publicKey] });
    expect(await box.hello()).toMatchObject({ refused: null, keys: [old.publicKey, next.publicKey] });
    await petit.trigger("hello");
    const { header, body, offer } = await transport.offered();
    const { signature, further = [] } = readSignedOffer(header);
    const answer = await box.claim(offer);
    const granted = "granted" in answer && answer.granted ? [answer.proof, ...(answer.further ?? [])] : [];
    const claim = claimProofBytes({ ...offer, worker: "box7", nonce: `box7 ${offer.attempt}` });
    for (const key of [old, next]) {
      const keys = [key.publicKey];
      expect(isSignedByAny(keys, { context: OFFER_CONTEXT, message: body, signatures: [signature, ...further] })).toBe(
        true,
      );
      expect(isSignedByAny(keys, { context: CLAIM_CONTEXT, message: claim, signatures: granted })).toBe(true);
    }
  });

  test("waits for a worker that allows its type", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    await petit.trigger("hello");
    await transport.offered();
    const waitsFor = () => waitingByLabels(petit.engine.listWorkerWaits(), petit.engine.workers)[0]?.waitsFor;
    expect(await fakeWorker(transport, "box7").hello([], { allowedTypes: ["python"] })).toMatchObject({ sets: [] });
    expect(waitsFor()).toEqual({ code: "worker", labels: ["gpu"], type: "shell", connected: 0 });
    await fakeWorker(transport, "box8").hello();
    expect(waitsFor()).toMatchObject({ type: "shell", connected: 1 });
  });

  test("waits for a worker that knows the features of its task", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", { skipExitCodes: [9] })] });
    await using _ = petit;
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    expect(offer.features).toEqual(["skip_exit_codes"]);
    const waitsFor = () => waitingByLabels(petit.engine.listWorkerWaits(), petit.engine.workers)[0]?.waitsFor;
    const old = fakeWorker(transport, "box7", { features: ["container"] });
    expect(await old.hello()).toMatchObject({ refused: null, sets: [] });
    const refused = [{ worker: "box7", reason: "lacks_features", lacks: ["skip_exit_codes"] }];
    expect<unknown>(waitsFor()).toEqual({ code: "worker", labels: ["gpu"], type: null, connected: 0, refused });
    // A worker that does not check what it is offered.
    expect(await old.claim(offer)).toEqual({ granted: false, reason: "labels", isOpen: true });
    // A worker of the first version lists no features, and knows this one.
    const first = fakeWorker(transport, "box8");
    expect(await first.hello()).toMatchObject({ sets: [expect.any(String)] });
    expect(waitsFor()).toMatchObject({ connected: 1 });
    expect(await first.claim(offer)).toMatchObject({ granted: true });
  });

  test("passes its outputs to a local task", async () => {
    const tasks = [
      ...remoteJob("hello").tasks,
      shell("near", "echo $ROWS", { after: ["far"], environment: { ROWS: "${{ tasks.far.outputs.rows }}" } }),
    ];
    const { petit, transport } = await startWithWorkers({ jobs: [job("hello", { tasks })] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const outcome = { status: "completed", reason: null, error: null, exitCode: 0, signal: null } as const;
    await box.outcome(offer, { result: { outcome, outputs: { rows: "42" }, transient: false } });
    expect((await petit.ended(run.id)).output()).toBe("42\n");
  });

  test.each([
    [{ status: "failed", reason: "items_failed" }, {}, "it failed with the reason items_failed"],
    [{ status: "failed", reason: null }, {}, "it failed with the reason null"],
    [{ status: "failed", reason: "worker_lost" }, {}, "it failed with the reason worker_lost"],
    [{ status: "completed", reason: "exit_code" }, {}, "it completed with the reason exit_code"],
    [{ status: "completed", reason: null, exitCode: 1e15 }, {}, "it has the exit code 1000000000000000"],
    [
      { status: "completed", reason: null },
      Object.fromEntries(["a", "b"].map((key) => [key, "x".repeat(1_000_000)])),
      "it has 2000002 bytes of outputs",
    ],
  ] as const)("ends with internal_error if its worker reports %p", async (given, outputs, problem) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const outcome = { error: null, exitCode: 0, signal: null, ...given };
    expect(await box.outcome(offer, { result: { outcome, outputs, transient: false } })).toEqual({ stored: true });
    const { tasks } = await petit.ended(run.id);
    expect(tasks.far).toMatchObject({
      status: "failed",
      reason: "internal_error",
      error: `internal error: worker box7 reported an end that no attempt can have: ${problem}`,
    });
  });

  test("keeps the digits of large numbers in items", async () => {
    const each = { ...items([]), source: { kind: "template", text: "[12345678901234567890]" } } as const;
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", { items: each })] });
    await using _ = petit;
    await fakeWorker(transport, "box7").hello();
    await petit.trigger("hello");
    const { body } = await transport.offered();
    expect(new TextDecoder().decode(body)).toContain('"value":12345678901234567890');
    const { item } = readOffer(parseExactly(new TextDecoder().decode(body)));
    expect(String(item?.value)).toBe("12345678901234567890");
  });

  test("is repeated as its task says, with a new offer", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", { retry: retry(1) })] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const first = await transport.offered();
    await box.claim(first.offer);
    const outcome = { status: "failed", reason: "exit_code", error: "exit code 3", exitCode: 3, signal: null } as const;
    await box.outcome(first.offer, { result: { outcome, outputs: {}, transient: false } });
    const second = await transport.offered(1);
    expect(second.offer).toMatchObject({ attemptNumber: 2, epoch: 1 });
    await box.claim(second.offer);
    await box.outcome(second.offer);
    expect((await petit.ended(run.id)).attempts).toMatchObject([{ status: "failed" }, { status: "completed" }]);
  });

  test("is offered again with the same stored part, which is deleted at its end", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    transport.storesAs = "large";
    transport.scripts.set("large", new Uint8Array());
    const box = fakeWorker(transport, "box7");
    await box.hello();
    await petit.trigger("hello");
    const first = await transport.offered();
    transport.disconnect();
    transport.connect();
    const second = await transport.offered(1);
    expect(second.body.subarray(second.stableFrom)).toEqual(first.body.subarray(first.stableFrom));
    expect(first.stableFrom).toBeLessThan(200);
    expect(transport.scripts.has("large")).toBe(true);
    await box.hello();
    await box.claim(second.offer);
    await box.outcome(second.offer);
    await eventually("it is deleted", () => (transport.scripts.has("large") ? null : true));
  });

  test("receives the content of its script", async () => {
    using folder = tempDir();
    writeFileSync(folder.file("report.py"), "print(1)");
    const tasks = [program("far", "python", { file: "report.py" }, { runsOn: ["gpu"] })];
    const source = { file: "a.yaml", line: 1, folder: folder.path };
    const { petit, transport } = await startWithWorkers({ jobs: [job("hello", { tasks, source })] });
    await using _ = petit;
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    const file = offer.files["report.py"];
    expect(file).toMatchObject({ bytes: 8, name: "report.py" });
    expect(new TextDecoder().decode(transport.scripts.get(file?.sha256 ?? ""))).toBe("print(1)");
    expect(offer.job.tasks.map(({ id }) => id)).toEqual([taskId("far")]);
  });

  test("fails if the script of its task is missing, and may then be repeated", async () => {
    const tasks = [program("far", "python", { file: "missing.py" }, { runsOn: ["gpu"], retry: retry(1) })];
    const { petit } = await startWithWorkers({ jobs: [job("hello", { tasks })] });
    await using _ = petit;
    const { attempts, run } = await petit.run("hello");
    expect(run.status).toBe("failed");
    expect(attempts).toMatchObject([{ reason: "spawn_failed", worker: null }, { reason: "spawn_failed" }]);
    expect(attempts[0]?.error).toContain("missing.py");
  });

  test("can have an outcome that is too large for a message", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const outcome = { status: "completed", reason: null, error: null, exitCode: 0, signal: null } as const;
    const result = { outcome, outputs: { text: "x".repeat(1_000_000) }, transient: false };
    const { scheduler, attempt, epoch } = offer;
    const message = { scheduler, attempt, epoch, offset: 0, durationMs: 1, result, artifacts: [] };
    transport.artifacts.set("o/outcome", encodeFrame(message));
    expect(await transport.request("box7", "outcome", { stored: "missing" })).toEqual({ failed: "unavailable" });
    expect(await transport.request("box7", "outcome", { stored: "o/outcome" })).toEqual({ stored: true });
    expect((await petit.ended(run.id)).tasks.far?.outputs.text).toHaveLength(1_000_000);
  });

  test("keeps its artifacts with the run", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const artifact = transport.putArtifact("o/1", "a/b.txt", "kept");
    const wrong = { ...artifact, size: 3 };
    expect(await box.outcome(offer, { artifacts: [{ ...artifact, object: "lost" }] })).toEqual({ again: "artifacts" });
    expect(await box.outcome(offer, { artifacts: [wrong] })).toEqual({ again: "artifacts" });
    expect(await box.outcome(offer, { artifacts: [artifact] })).toEqual({ stored: true });
    await petit.ended(run.id);
    expect(petit.store.artifacts.list(run.id)).toMatchObject([{ path: "far/a/b.txt", sizeBytes: 4 }]);
    expect(transport.artifacts.size).toBe(0);
  });

  test.skipIf(!canMount)("keeps its artifacts when petit's disk has room again", async () => {
    using dir = tempDir();
    using small = smallDisk(dir.path, 1_000_000);
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")], artifactsDir: dir.path });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const artifacts = [transport.putArtifact("o/1", "kept.txt", "k".repeat(100_000))];
    small.fill();
    expect(await box.outcome(offer, { artifacts })).toEqual({ failed: "unavailable" });
    expect(petit.read(run.id).summary).toBe("far running");
    expect(transport.artifacts.size).toBe(1);
    small.free();
    expect(await box.outcome(offer, { artifacts })).toEqual({ stored: true });
    expect((await petit.ended(run.id)).summary).toBe("far completed");
    expect(petit.store.artifacts.list(run.id)).toMatchObject([{ path: "far/kept.txt", sizeBytes: 100_000 }]);
  });

  test.skipIf(!canMount)("does not wait for room on petit's disk when it is cancelled", async () => {
    using dir = tempDir();
    using small = smallDisk(dir.path, 1_000_000);
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")], artifactsDir: dir.path });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const artifacts = [transport.putArtifact("o/1", "kept.txt", "k".repeat(100_000))];
    small.fill();
    expect(await box.outcome(offer, { artifacts })).toEqual({ failed: "unavailable" });
    await petit.engine.cancel(run.id);
    expect(await box.outcome(offer, { artifacts })).toEqual({ stored: true });
    const { run: ended, tasks } = await petit.ended(run.id);
    expect([ended.status, tasks.far?.reason]).toEqual(["cancelled", "artifacts_failed"]);
  });

  test.each(["../b.txt", "/etc/b.txt", "a//b", "a/./b", "a\0b"])("fails if it names a file %p", async (path) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    const artifact = transport.putArtifact("o/1", path, "x");
    expect(await box.outcome(offer, { artifacts: [artifact] })).toEqual({ stored: true });
    expect((await petit.ended(run.id)).summary).toBe("far failed(artifacts_failed)");
  });

  test("that is cancelled before a worker claims it ends at once", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await petit.engine.cancel(run.id);
    const { run: ended, attempts } = await petit.ended(run.id);
    expect(ended.status).toBe("cancelled");
    expect(attempts).toMatchObject([{ reason: "cancelled", worker: null }]);
    expect(await box.claim(offer)).toEqual({ granted: false, reason: "taken", isOpen: false });
    expect(petit.store.offers.find(offer.attempt)?.state).toBe("withdrawn");
  });

  test("that is cancelled while it runs is ended by its worker, which is told again in the answer to each hello", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    await petit.engine.cancel(run.id);
    const { scheduler, attempt, epoch } = offer;
    // The first one is about the new set of labels.
    const { worker, message } = await transport.controlled(1);
    const end = { kind: "end", scheduler, attempt, epoch, reason: "cancelled", force: false } as const;
    expect([worker, message]).toEqual(["box7", end]);
    const { verdicts } = await box.hello([holdOf(offer)]);
    expect(verdicts).toMatchObject([{ verdict: "keep", end: { reason: "cancelled", force: false } }]);
    const outcome = {
      status: "failed",
      reason: "cancelled",
      error: "cancelled",
      exitCode: null,
      signal: "SIGTERM",
    } as const;
    await box.outcome(offer, { result: { outcome, outputs: {}, transient: false } });
    expect((await petit.ended(run.id)).run.status).toBe("cancelled");
  });

  test("that is cancelled ends when its worker says that it does not have it", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello")] });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await box.claim(offer);
    await petit.engine.cancel(run.id);
    await box.hello([], { lacks: [offer] });
    expect((await petit.ended(run.id)).run.status).toBe("cancelled");
    expect(transport.offers).toHaveLength(1);
  });
});

describe("a petit without workers", () => {
  test("runs no task that needs one: it waits until petit has workers, or its run is cancelled", async () => {
    using dir = tempDir();
    const jobs = [remoteJob("hello")];
    const first = await startEngine({ jobs, dir: dir.path });
    const [kept, cancelled] = [await first.trigger("hello"), await first.trigger("hello")];
    expect(first.engine.listWorkerWaits(kept.id)).toMatchObject([{ runId: kept.id, labels: ["gpu"] }]);
    await first.engine.cancel(cancelled.id);
    expect((await first.ended(cancelled.id)).summary).toBe("far failed(cancelled)");
    expect(first.engine.dispatch).toBeNull();
    await expect(first.engine.drainWorker("box7")).rejects.toThrow();
    await first.stop("drain");

    const { petit, transport } = await startWithWorkers({ jobs, dir: dir.path });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    const { offer } = await transport.offered();
    await box.claim(offer);
    await box.outcome(offer);
    expect((await petit.ended(kept.id)).summary).toBe("far completed");
  });

  test("leaves an attempt to the worker that has claimed it", async () => {
    using dir = tempDir();
    const jobs = [remoteJob("hello")];
    const first = await startWithWorkers({ jobs, dir: dir.path });
    const box = fakeWorker(first.transport, "box7");
    await box.hello();
    const run = await first.petit.trigger("hello");
    const { offer } = await first.transport.offered();
    await box.claim(offer);
    await first.petit.stop("leave");
    const second = await startEngine({ jobs, dir: dir.path });
    expect(second.read(run.id).summary).toBe("far running");
    expect(second.engine.listWorkerWaits()).toEqual([]);
    await second.stop("drain");
    const { petit, transport } = await startWithWorkers({ jobs, dir: dir.path });
    await using _ = petit;
    const again = fakeWorker(transport, "box7");
    await again.hello([holdOf(offer)]);
    await again.outcome(offer);
    expect((await petit.ended(run.id)).summary).toBe("far completed");
  });
});
