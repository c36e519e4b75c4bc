import { describe, expect, test } from "bun:test";
import type { WorkerProcess } from "../../../src/domain/workers/process.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { FakeTransport } from "../../support/workers/fake-transport.ts";
import { fakeWorker } from "../../support/workers/fake-worker.ts";
import { remoteJob, startWithWorkers } from "../../support/workers/started.ts";

/** More than an original may take to answer. */
const CHALLENGE_MS = 6_000;

const processOf = (id: string, file: string): WorkerProcess => ({ id, file });

const started = async (given: { readonly dir?: string } = {}) => {
  const clock = new FakeClock();
  const transport = new FakeTransport();
  const { petit } = await startWithWorkers({ jobs: [remoteJob("far")], clock, transport, ...given });
  return { clock, petit, transport };
};

describe("of two processes of one worker", () => {
  const original = { process: processOf("one", "boot 1 file 1") };
  const clone = { process: processOf("two", "boot 2 file 1") };

  test("the second one is refused while the first one answers, and needs attention", async () => {
    const { clock, petit, transport } = await started();
    await using _ = petit;
    const [box, copy] = [fakeWorker(transport, "box7", original), fakeWorker(transport, "box7", clone)];
    await box.hello();
    await expect(copy.hello()).rejects.toThrow("unavailable");
    await clock.pass(1_000);
    expect(await box.hello()).toMatchObject({ refused: null });
    expect(await copy.hello()).toMatchObject({ refused: "copied", sets: [], verdicts: [] });
    expect(await box.hello()).toMatchObject({ refused: null });
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([{ kind: "worker_refused", worker: "box7", reason: "copied" }]);
    await petit.trigger("far");
    const { offer } = await transport.offered();
    expect(await copy.claim(offer, clone)).toMatchObject({ granted: false, reason: "copied" });
    expect(await box.claim(offer, original)).toMatchObject({ granted: true });
  });

  test("the first one keeps its place over a restart of petit, also if the second one says hello first", async () => {
    using dir = tempDir();
    const first = await started({ dir: dir.path });
    await fakeWorker(first.transport, "box7", original).hello();
    await first.petit.stop("leave");
    const { clock, petit, transport } = await started({ dir: dir.path });
    await using _ = petit;
    const [box, copy] = [fakeWorker(transport, "box7", original), fakeWorker(transport, "box7", clone)];
    await expect(copy.hello()).rejects.toThrow("unavailable");
    await clock.pass(1_000);
    expect(await box.hello()).toMatchObject({ refused: null });
    expect(await copy.hello()).toMatchObject({ refused: "copied" });
  });

  test("the second one takes over at once if it holds the lock of the first one", async () => {
    const { petit, transport } = await started();
    await using _ = petit;
    const box = fakeWorker(transport, "box7", original);
    await box.hello();
    const restarted = fakeWorker(transport, "box7", { process: processOf("two", "boot 1 file 1") });
    expect(await restarted.hello()).toMatchObject({ refused: null });
    // Its last message may be late.
    await expect(box.hello()).rejects.toThrow("unavailable");
    expect(await restarted.hello()).toMatchObject({ refused: null });
  });

  test("the second one takes over after seconds if the first one does not answer, as after a reboot", async () => {
    const { clock, petit, transport } = await started();
    await using _ = petit;
    await fakeWorker(transport, "box7", original).hello();
    const rebooted = fakeWorker(transport, "box7", clone);
    await expect(rebooted.hello()).rejects.toThrow("unavailable");
    await clock.pass(CHALLENGE_MS);
    expect(await rebooted.hello()).toMatchObject({ refused: null });
  });

  test("what the first one claimed is not started again because the second one lacks it", async () => {
    const { clock, petit, transport } = await started();
    await using _ = petit;
    const box = fakeWorker(transport, "box7", original);
    await box.hello();
    const run = await petit.trigger("far");
    const { offer } = await transport.offered();
    await box.claim(offer, original);
    const copy = fakeWorker(transport, "box7", clone);
    await expect(copy.hello()).rejects.toThrow("unavailable");
    await clock.pass(CHALLENGE_MS);
    await copy.hello([], { lacks: [offer] });
    await petit.ended(run.id);
    await box.outcome(offer);
    expect(petit.read(run.id).summary).toBe("far failed(interrupted)");
  });

  test("what the first one claimed and never stored is offered again to its successor", async () => {
    const { petit, transport } = await started();
    await using _ = petit;
    const box = fakeWorker(transport, "box7", original);
    await box.hello();
    await petit.trigger("far");
    const { offer } = await transport.offered();
    await box.claim(offer, original);
    const restarted = fakeWorker(transport, "box7", { process: processOf("two", "boot 1 file 1") });
    expect((await restarted.hello()).verdicts).toMatchObject([{ verdict: "missing" }]);
    await restarted.hello([], { lacks: [offer] });
    expect((await transport.offered(1)).offer.epoch).toBe(2);
  });
});
