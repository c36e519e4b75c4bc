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
import type { DiskCache, VirtualMachine } from "../support/vm/vm.ts";

const CUTS = Number(process.env.PETIT_VM_POWER_CUTS ?? 2);

/** The caches of the disk, in turn. */
const CACHES: readonly DiskCache[] = ["writeback", "none"];

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

/** Triggers runs until the signal is aborted, each after the one before has ended. */
const load = async (petit: Service, said: Said, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    try {
      const { status, body } = await post(petit, "/api/jobs/work/trigger");
      if (status !== 200) throw new Error(`a trigger was answered with ${status}`);
      said.accepted.add(body.run_id);
      const run = await eventually("it ends", () => endedRun(petit, body.run_id));
      if (run.status === "completed") said.completed.set(body.run_id, run.ended_at);
    } catch (error) {
      // The power was cut before the answer.
      if (!signal.aborted) throw error;
    }
  }
};

type Ended = { readonly status: string; readonly ended_at: number };

const endedRun = async (petit: Service, id: string): Promise<Ended | null> => {
  const { body } = await ask(petit, `/api/runs/${id}`);
  return body.ended_at === undefined || body.ended_at === null ? null : body;
};

/** Cuts the power at a random instant. Returns what petit has said until then. */
const cutDuringLoad = async (machine: VirtualMachine, petit: Service): Promise<Said> => {
  const said: Said = { accepted: new Set(), completed: new Map() };
  const cut = new AbortController();
  const loads = [1, 2, 3].map(() => load(petit, said, cut.signal));
  const first = eventually("a run is accepted", () => (said.accepted.size > 0 ? true : null), SLOW_MS);
  await Promise.race([first, ...loads]);
  await Promise.race([sleep(Math.random() * 12_000), ...loads]);
  cut.abort();
  await machine.cutPower();
  await Promise.all(loads);
  return said;
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

/** What has happened with one cache of the disk. */
type Counts = {
  readonly cuts: number;
  readonly acknowledged: number;
  readonly completed: number;
  readonly occurrences: number;
};

test(
  `${CUTS} power cuts under load lose nothing that petit has said`,
  async () => {
    const { machine, petit: first } = await startService({ jobs: JOBS });
    let petit = first;
    const all = new Set<string>();
    const table = new Map<DiskCache, Counts>();
    let occurrences = 0;
    for (let cut = 0; cut < CUTS; cut++) {
      const cache = CACHES[cut % CACHES.length] ?? "writeback";
      const said = await cutDuringLoad(machine, petit);
      const since = performance.now();
      await machine.boot(CACHES[(cut + 1) % CACHES.length]);
      const bootMs = performance.now() - since;
      petit = await readyService(machine);
      const readyMs = performance.now() - since;
      for (const id of said.accepted) all.add(id);
      const violations = await violationsOf(machine, petit, all);
      expect([...violations, ...(await forgotten(petit, said))]).toEqual([]);
      const ledger = await ledgerOf(petit, "tick");
      expect(wrongSteps(ledger, 5_000)).toEqual([]);

      const row = table.get(cache) ?? { cuts: 0, acknowledged: 0, completed: 0, occurrences: 0 };
      table.set(cache, {
        cuts: row.cuts + 1,
        acknowledged: row.acknowledged + said.accepted.size,
        completed: row.completed + said.completed.size,
        occurrences: row.occurrences + ledger.length - occurrences,
      });
      occurrences = ledger.length;
      console.log(
        `cut ${cut + 1} (${cache}): ${said.accepted.size} triggers acknowledged, ${said.completed.size} runs completed, ` +
          `${ledger.length} occurrences; booted after ${seconds(bootMs)}, petit ready after ${seconds(readyMs)}`,
      );
    }
    // Nothing was lost, or the test would have ended.
    console.table(Object.fromEntries(table));
    expect(all.size).toBeGreaterThan(CUTS);
  },
  60_000 + CUTS * 600_000,
);

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
