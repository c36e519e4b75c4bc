import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { ledgerOf, type Occurrence, type Service, SLOW_MS, startService, wrongSteps } from "../support/vm/service.ts";

const JOBS = {
  tick: `id: tick\nschedule: "* * * * * *"\ntasks: [{id: t, type: command, command: "true"}]\n`,
  timed: "id: timed\ntasks: [{id: t, type: shell, timeout: 10m, script: 'until [ -e over ]; do sleep 0.2; done'}]\n",
};

const fired = (ledger: readonly Occurrence[]): readonly Occurrence[] =>
  ledger.filter(({ outcome }) => outcome === "fired");

/** Waits until an occurrence fires that no ledger before had. */
const firesAgain = async (petit: Service, before: readonly Occurrence[]): Promise<readonly Occurrence[]> => {
  const known = new Set(fired(before).map(({ run_id }) => run_id));
  return await eventually(
    "an occurrence fires",
    async () => {
      const ledger = await ledgerOf(petit, "tick");
      return fired(ledger).some(({ run_id }) => !known.has(run_id)) ? ledger : null;
    },
    SLOW_MS,
  );
};

const expectOnce = (ledger: readonly Occurrence[]): void => {
  expect(wrongSteps(ledger, 1_000)).toEqual([]);
  const runs = fired(ledger).map(({ run_id }) => run_id);
  expect(new Set(runs).size).toBe(runs.length);
};

test("a sleep of the machine and steps of its clock account for each second once, and change no duration", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const timed = await start(petit, "timed");
  let ledger = await firesAgain(petit, []);

  await machine.suspend();
  await sleep(8_000);
  await machine.wake();
  ledger = await firesAgain(petit, await ledgerOf(petit, "tick"));
  expectOnce(ledger);
  expect(ledger.filter(({ outcome }) => outcome === "missed").length).toBeGreaterThanOrEqual(3);

  // Its clock is set afterwards, as after the migration of a machine.
  await machine.freeze();
  await sleep(5_000);
  await machine.unfreeze();
  await machine.must(`date --set=@${Math.ceil(Date.now() / 1_000)}`);
  ledger = await firesAgain(petit, await ledgerOf(petit, "tick"));
  expectOnce(ledger);

  for (const step of ["+1 hour", "-1 hour"]) {
    await machine.must(`date --set='${step}'`);
    ledger = await firesAgain(petit, await ledgerOf(petit, "tick"));
    expectOnce(ledger);
  }
  expect(ledger.length).toBeGreaterThan(3_600);

  await machine.must("touch /var/lib/petit/over");
  const { status, error } = await endOf(petit, timed, SLOW_MS);
  expect({ status, error }).toEqual({ status: "completed", error: null });
}, 600_000);
