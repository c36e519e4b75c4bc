import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { bootId } from "../../../src/engine/attempt/identity.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;

const atBoot = (given: Partial<Job> = {}, spec: Parameters<typeof schedule>[1] = {}): Job =>
  job("tunnel", { schedule: schedule("@reboot", spec), ...given });

/** Returns the ledger of the job, oldest first: whole minutes after noon and outcomes. Stopping takes some ms. */
const ledger = (store: Store): readonly string[] =>
  store.occurrences
    .list(jobId("tunnel"), { limit: 100 })
    .toReversed()
    .map(({ scheduledFor, outcome, reason }) =>
      [Math.floor((scheduledFor - NOON) / MINUTE), outcome, reason].filter((part) => part !== null).join(" "),
    );

/** Starts engines one after the other on the same database. */
const lives = () => {
  const dir = tempDir();
  const clock = new FakeClock();
  return {
    clock,
    live: async (
      jobs: readonly Job[],
      work: (petit: StartedEngine) => Promise<unknown> = async () => {},
      { isRestored = false }: { readonly isRestored?: boolean } = {},
    ) => {
      const beforeStart = async ({ store }: Engine): Promise<void> => {
        if (isRestored) store.identity.renew({ now: clock.now(), isHere: () => false });
      };
      await using petit = await startEngine({ clock, dir: dir.path, jobs, beforeStart });
      await clock.pass(MINUTE);
      await work(petit);
      const entries = ledger(petit.store);
      await petit.stop("drain");
      return entries;
    },
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

/** Makes the boot that the job was last decided for another one, as a reboot does. */
const reboot = async ({ store }: StartedEngine): Promise<void> =>
  store.transaction(() => store.jobs.setBoot(jobId("tunnel"), "another boot"));

// Only Linux tells boots apart.
const testBoots = test.skipIf(bootId() === "");

describe("a job with @reboot", () => {
  testBoots("starts once for each boot, and first at the boot after it became known", async () => {
    using machine = lives();
    expect(await machine.live([atBoot()])).toEqual([]);
    expect(await machine.live([atBoot()], reboot)).toEqual([]);
    expect(await machine.live([atBoot()])).toEqual(["2 fired"]);
    expect(await machine.live([atBoot()], reboot)).toEqual(["2 fired"]);
    expect(await machine.live([atBoot()])).toEqual(["2 fired", "4 fired"]);
  });

  testBoots("runs as a scheduled run, whatever its catch-up policy is", async () => {
    using machine = lives();
    const jobs = [atBoot({}, { catchup: "none", catchupWindowMs: 0 })];
    await machine.live(jobs, reboot);
    await machine.live(jobs, async (petit) => {
      const [started] = petit.store.runs.list({ jobId: jobId("tunnel"), limit: 9 });
      if (started === undefined) throw new Error("no run has started");
      const { run } = await petit.ended(started.id);
      expect(run).toMatchObject({ trigger: "schedule", status: "completed" });
    });
  });

  testBoots("is skipped if it is paused or disabled then, and does not start later", async () => {
    using machine = lives();
    await machine.live([atBoot()], async (petit) => {
      await petit.engine.pauseJob("tunnel");
      await reboot(petit);
    });
    const entries = await machine.live([atBoot()], async (petit) => {
      await petit.engine.resumeJob("tunnel");
      await machine.clock.pass(MINUTE);
    });
    expect(entries).toEqual(["1 skipped paused"]);
    await machine.live([atBoot()], reboot);
    expect(await machine.live([atBoot({ enabled: false })])).toEqual(["1 skipped paused", "4 skipped disabled"]);
    expect(await machine.live([atBoot()])).toHaveLength(2);
  });

  testBoots("waits for its jitter, also over a restart of petit", async () => {
    using machine = lives();
    const jobs = [atBoot({}, { jitterMs: 60 * MINUTE })];
    await machine.live(jobs, reboot);
    expect(
      await machine.live(jobs, async ({ engine }) => {
        expect(engine.findJob("tunnel")?.nextRunAt).toBeGreaterThanOrEqual(NOON + MINUTE);
      }),
    ).toEqual([]);
    const entries = await machine.live(jobs, async () => void (await machine.clock.pass(61 * MINUTE)));
    expect(entries).toEqual(["2 fired"]);
    expect(await machine.live(jobs)).toEqual(["2 fired"]);
  });

  testBoots.each([0, 60 * MINUTE])(
    "does not start again in a boot that a restored database does not know (jitter: %p ms)",
    async (jitterMs) => {
      using machine = lives();
      const jobs = [atBoot({}, { jitterMs })];
      await machine.live(jobs, reboot);
      expect(await machine.live(jobs, async () => {}, { isRestored: true })).toEqual(["1 missed restored"]);
      // What is decided stays decided, also if petit is started again before the jitter would have passed.
      const later = async () => void (await machine.clock.pass(61 * MINUTE));
      expect(await machine.live(jobs, later)).toEqual(["1 missed restored"]);
      await machine.live(jobs, reboot);
      expect(await machine.live(jobs, later)).toHaveLength(2);
    },
  );

  testBoots("can have other expressions, whose occurrences are accounted for as ever", async () => {
    using machine = lives();
    const both = (...expressions: string[]) =>
      job("tunnel", { schedule: { ...schedule("@reboot"), expressions: ["@reboot", ...expressions] } });
    await machine.live([both("*/5 * * * *")], reboot);
    machine.clock.step(8 * MINUTE + 1);
    const entries = await machine.live([both("*/5 * * * *")]);
    expect(entries).toEqual(["5 fired", "9 fired", "10 fired"]);
    // A change of the other expressions does not hide a boot.
    await machine.live([both("*/5 * * * *")], reboot);
    expect(await machine.live([both("0 0 * * *")])).toHaveLength(4);
  });

  testBoots(
    "does not start when its file is read again, removed and brought back, or the clock is set back",
    async () => {
      const clock = new FakeClock();
      await using petit = await startEngine({ clock, jobs: [] });
      for (const jobs of [[atBoot()], [atBoot({ name: "changed" })], [], [atBoot()]]) {
        petit.files = filesOf(jobs);
        await petit.engine.reload();
        await clock.pass(MINUTE);
      }
      clock.step(-60 * MINUTE);
      await clock.pass(MINUTE);
      expect(ledger(petit.store)).toEqual([]);
      expect(petit.engine.findJob("tunnel")?.nextRunAt).toBeNull();
    },
  );
});
