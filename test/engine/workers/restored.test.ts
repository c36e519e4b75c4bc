import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { InterruptPolicy } from "../../../src/domain/job.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { FakeTransport } from "../../support/workers/fake-transport.ts";
import { fakeWorker, holdOf } from "../../support/workers/fake-worker.ts";
import { LOST_AFTER_MS, remoteJob, startWithWorkers } from "../../support/workers/started.ts";

/** A petit whose database was restored from a copy that was made while a worker ran an attempt, or while it was offered. */
const restored = async (
  dir: string,
  { onInterrupt, isClaimed = true }: { onInterrupt: InterruptPolicy; isClaimed?: boolean },
) => {
  const jobs = [remoteJob("hello", {}, { onInterrupt })];
  const clock = new FakeClock();
  const before = await startWithWorkers({ jobs, dir, clock });
  const box = fakeWorker(before.transport, "box7");
  await box.hello();
  const run = await before.petit.trigger("hello");
  await clock.pass(1);
  const { offer } = await before.transport.offered();
  if (isClaimed) await Promise.all([box.claim(offer), clock.pass(1)]);
  await before.petit.stop("leave");
  {
    using store = openStore({ path: `${dir}/petit.db`, runtime: openRuntime() });
    store.identity.renew({ now: clock.now(), isHere: () => false });
  }
  const transport = new FakeTransport();
  const { petit } = await startWithWorkers({ jobs, dir, clock, transport });
  return { petit, transport, clock, offer, runId: run.id, box: fakeWorker(transport, "box7") };
};

describe("after a restore", () => {
  test("an attempt that was offered is not run again, because somebody may have claimed it", async () => {
    using dir = tempDir();
    const { petit, transport, runId } = await restored(dir.path, { onInterrupt: "fail", isClaimed: false });
    await using _ = petit;
    const { run, summary } = await petit.ended(runId);
    expect([run.status, summary]).toEqual(["interrupted", "far failed(interrupted)"]);
    expect(transport.offers).toEqual([]);
  });

  test("an attempt that its worker has continues", async () => {
    using dir = tempDir();
    const { petit, box, offer, runId } = await restored(dir.path, { onInterrupt: "fail" });
    await using _ = petit;
    expect((await box.hello([holdOf(offer)])).verdicts).toMatchObject([{ verdict: "keep" }]);
    expect(await box.outcome(offer)).toEqual({ stored: true });
    expect((await petit.ended(runId)).summary).toBe("far completed");
  });

  test("an attempt that its worker lacks is not run again, because it may have ended", async () => {
    using dir = tempDir();
    const { petit, transport, box, offer, runId } = await restored(dir.path, { onInterrupt: "fail" });
    await using _ = petit;
    expect((await box.hello()).verdicts).toMatchObject([{ verdict: "missing" }]);
    await box.hello([], { lacks: [offer] });
    expect((await petit.ended(runId)).summary).toBe("far failed(interrupted)");
    expect(transport.offers).toEqual([]);
  });

  test("workers end what petit does not know, and its ids are not used again", async () => {
    using dir = tempDir();
    const { petit, transport, clock, box, offer } = await restored(dir.path, { onInterrupt: "fail" });
    await using _ = petit;
    const later = { ...offer, attempt: offer.attempt + 1 };
    expect((await box.hello([holdOf(offer), holdOf(later)])).verdicts).toMatchObject([
      { verdict: "keep" },
      { verdict: "kill" },
    ]);
    expect(await box.outcome(later)).toEqual({ refused: "not_yours" });
    expect(await box.claim(later)).toMatchObject({ granted: false, reason: "unknown" });
    await petit.trigger("hello");
    await clock.pass(1);
    expect((await transport.offered()).offer.attempt).toBeGreaterThan(offer.attempt + 1_000);
  });

  test.each([true, false])(
    "an attempt is made anew when it can't run anywhere any more (claimed: %p)",
    async (isClaimed) => {
      using dir = tempDir();
      const { petit, transport, clock, box, offer, runId } = await restored(dir.path, {
        onInterrupt: "rerun",
        isClaimed,
      });
      await using _ = petit;
      await box.hello([], { lacks: [offer] });
      await clock.pass(LOST_AFTER_MS - 4_000);
      await box.hello();
      expect(transport.offers).toEqual([]);
      await clock.pass(6_000);
      const again = await transport.offered();
      expect(again.offer).toMatchObject({ attemptNumber: 2, epoch: 1 });
      expect(again.offer.attempt).toBeGreaterThan(offer.attempt + 1_000);
      await box.hello();
      await Promise.all([box.claim(again.offer), clock.pass(1)]);
      await Promise.all([box.outcome(again.offer), clock.pass(1)]);
      expect((await petit.ended(runId)).run.status).toBe("completed");
    },
  );
});
