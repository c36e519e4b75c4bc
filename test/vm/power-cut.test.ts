import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, post } from "../support/petit/api.ts";
import { eventually } from "../support/torture/run.ts";
import {
  ledgerOf,
  readyService,
  type Service,
  SLOW_MS,
  startService,
  violationsOf,
  wrongSteps,
} from "../support/vm/service.ts";
import type { VirtualMachine } from "../support/vm/vm.ts";

const CUTS = Number(process.env.PETIT_VM_POWER_CUTS ?? 2);

/** A task that starts twice in a run breaks the promise of `on_interrupt: fail`. */
const JOBS = {
  tick: `id: tick\nschedule: {cron: "*/5 * * * * *", catchup: all}\ntasks: [{id: t, type: command, command: "true"}]\n`,
  work: `id: work
tasks:
  - id: first
    type: shell
    artifacts: [result]
    script: |
      mkdir started-$PETIT_RUN_ID
      head -c 20000 /dev/urandom > $PETIT_ARTIFACTS/result
      sha256sum < $PETIT_ARTIFACTS/result
      sleep 1
  - {id: second, type: command, command: echo, args: [done], depends_on: [first]}
`,
};

/** What petit has said before the power was cut. */
type Said = {
  readonly accepted: Set<string>;
  /** Runs that it has reported as completed, with when they ended. */
  readonly completed: Map<string, number>;
};

/** Triggers runs until the signal is aborted. */
const load = async (petit: Service, said: Said, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    try {
      const { status, body } = await post(petit, "/api/jobs/work/trigger?wait=10");
      if (status === 200 || status === 202) said.accepted.add(body.run_id);
      if (body.run?.status === "completed") said.completed.set(body.run_id, body.run.ended_at);
    } catch {
      // The power was cut before the answer.
    }
  }
};

const cutDuringLoad = async (machine: VirtualMachine, petit: Service, said: Said): Promise<number> => {
  const cut = new AbortController();
  const loads = [1, 2, 3].map(() => load(petit, said, cut.signal));
  const before = said.accepted.size;
  await eventually("a run is accepted", () => (said.accepted.size > before ? true : null), SLOW_MS);
  const afterMs = Math.random() * 8_000;
  await sleep(afterMs);
  cut.abort();
  await machine.cutPower();
  await Promise.all(loads);
  return afterMs;
};

/** Returns a sentence for each thing that petit has said and that is not true any more. */
const forgotten = async (petit: Service, { accepted, completed }: Said): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const id of accepted) {
    const { status, body } = await ask(petit, `/api/runs/${id}`);
    if (status !== 200) wrong.push(`${id} was accepted and is gone`);
    else if (completed.has(id) && (body.status !== "completed" || body.ended_at !== completed.get(id)))
      wrong.push(`${id} was completed and is ${body.status}`);
    else if (!["completed", "interrupted"].includes(body.status)) wrong.push(`${id} is ${body.status}: ${body.error}`);
    if (body.status === "completed") wrong.push(...(await wrongArtifact(petit, id)));
  }
  return wrong;
};

const wrongArtifact = async (petit: Service, id: string): Promise<readonly string[]> => {
  const log = await (await petit.fetch(`/api/runs/${id}/logs`)).text();
  const answer = await petit.fetch(`/api/runs/${id}/artifacts/first/result`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const expected = `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  -\ndone\n`;
  return log === expected ? [] : [`${id} completed with ${bytes.length} bytes and the output ${JSON.stringify(log)}`];
};

test(
  `${CUTS} power cuts under load lose nothing that petit has said`,
  async () => {
    const { machine, petit: first } = await startService({ jobs: JOBS });
    let petit = first;
    const said: Said = { accepted: new Set(), completed: new Map() };
    for (let cut = 1; cut <= CUTS; cut++) {
      const afterMs = await cutDuringLoad(machine, petit, said);
      const cache = cut % 2 === 0 ? "none" : "writeback";
      const since = performance.now();
      await machine.boot(cache);
      const bootMs = performance.now() - since;
      petit = await readyService(machine);
      const readyMs = performance.now() - since;
      const violations = await violationsOf(machine, petit, said.accepted);
      expect([...violations, ...(await forgotten(petit, said))]).toEqual([]);
      expect(wrongSteps(await ledgerOf(petit, "tick"), 5_000)).toEqual([]);
      console.log(
        `cut ${cut} after ${seconds(afterMs)}: ${said.accepted.size} accepted, ${said.completed.size} completed; ` +
          `booted in ${seconds(bootMs)} with cache=${cache}, petit ready after ${seconds(readyMs)}`,
      );
    }
    expect(said.completed.size).toBeGreaterThan(0);
  },
  60_000 + CUTS * 600_000,
);

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
