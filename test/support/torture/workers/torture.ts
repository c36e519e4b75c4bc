import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type SteppedClock, steppedClock } from "../../engine/faults-clock.ts";
import { Fleet, type Member, stateDirOf } from "../../nats/fleet.ts";
import type { NatsVersion } from "../../nats/server.ts";
import { type Random, randomOf } from "../random.ts";
import { eventually } from "../run.ts";
import { workerViolations } from "./check.ts";
import { type Delays, measureDelays } from "./delays.ts";
import { disksFor, type FullDisk } from "./disks.ts";
import { anyFault, type Fault, killAll } from "./faults.ts";
import { workerJobs } from "./jobs.ts";
import { markedProcesses } from "./marks.ts";
import type { Restore } from "./restores.ts";

export type WorkerTortureOptions = {
  readonly seed: number;
  /** How many faults there are. */
  readonly faults: number;
  /** An empty folder for everything. */
  readonly dir: string;
  readonly natsVersion: NatsVersion;
  readonly lostAfterMs: number;
  /** True for a cluster of three nats-servers, of which one at a time fails. */
  readonly isCluster?: boolean;
  /** A part of the names of the only faults that happen. Default: all. */
  readonly only?: string;
  /** How often each delay is measured at the end. */
  readonly delays: number;
  readonly trace?: (line: string) => void;
};

export type WorkerTorture = {
  readonly dbPath: string;
  /** How often each fault and each request happened. */
  readonly done: ReadonlyMap<string, number>;
  /** The ids of the runs whose trigger succeeded. */
  readonly accepted: ReadonlySet<string>;
  readonly restores: readonly Restore[];
  readonly violations: readonly string[];
  readonly delays: Delays;
};

/** The labels of the workers. */
const WORKERS = { box1: ["a", "b"], box2: ["a", "c"], box3: ["a", "b", "c"] } as const;

/** The worker whose clock is wrong, by up to an hour. */
const WRONG_CLOCK = "box2" satisfies keyof typeof WORKERS;
const HOUR_MS = 3_600_000;

const JOBS = [
  [4, "short"],
  [3, "rerun"],
  [2, "flaky"],
  [1, "stubborn"],
  [2, "items"],
  [1, "parent"],
  [2, "mixed"],
  [1, "burst"],
  [1, "long"],
  [1, "long_rerun"],
  [1, "bounded"],
] as const satisfies readonly (readonly [number, string])[];

/** Bounds of the pause between two faults, in ms. */
const PAUSE_MS = [50, 1_200] as const;

/** Maximum number of simultaneous faults. */
const MAX_AT_ONCE = 3;

/** After this many faults everything is healed for a moment. */
const ROUND = 12;

/** How long the fleet may take to become idle, in ms. */
const SETTLE_MS = 120_000;

/** Causes faults of a scheduler, its workers and NATS, waits until everything is idle, and checks the result. */
export const tortureWorkers = async (options: WorkerTortureOptions): Promise<WorkerTorture> => {
  await using torturer = await WorkerTorturer.start(options);
  await torturer.disturb();
  return await torturer.conclude();
};

class WorkerTorturer implements AsyncDisposable {
  readonly #options: WorkerTortureOptions;
  readonly #random: Random;
  readonly #fleet: Fleet;
  readonly #marksDir: string;
  readonly #clock: SteppedClock;
  readonly #done = new Map<string, number>();
  readonly #accepted = new Set<string>();
  readonly #surprises: string[] = [];
  readonly #fullDisks: FullDisk[] = [];
  readonly #restores: Restore[] = [];
  /** The current faults, each with a promise of its end. */
  readonly #faults = new Map<Member, Promise<void>>();

  private constructor(options: WorkerTortureOptions, fleet: Fleet, clock: SteppedClock) {
    this.#options = options;
    this.#clock = clock;
    this.#random = randomOf(options.seed);
    this.#fleet = fleet;
    this.#marksDir = marksDirOf(options.dir);
  }

  static async start(options: WorkerTortureOptions): Promise<WorkerTorturer> {
    const { dir, natsVersion, lostAfterMs, faults, isCluster = false } = options;
    const disks = disksFor(faults);
    mkdirSync(marksDirOf(dir));
    const clock = steppedClock(dir);
    clock.set(HOUR_MS);
    const fleet = await Fleet.start({
      ...{ dir, natsVersion, lostAfterMs, workers: WORKERS, slots: 4, isCluster },
      ...(disks !== null && { disks }),
      jobs: workerJobs(marksDirOf(dir), lostAfterMs),
      args: [
        "--max-jobs",
        "30",
        "--kill-grace",
        "300ms",
        "--on-shutdown",
        "leave",
        "--log-level",
        "debug",
        ...(isCluster ? ["--nats-replicas", "3"] : []),
      ],
      workerArgs: ["--log-level", "debug"],
      environments: { [WRONG_CLOCK]: clock.environment },
    });
    return new WorkerTorturer(options, fleet, clock);
  }

  /** Causes the faults, at random instants, while runs are triggered. */
  async disturb(): Promise<void> {
    for (let left = this.#options.faults; left > 0; left--) {
      for (let requests = this.#random.between(1, 3); requests > 0; requests--) await this.#request();
      await this.#beginFault();
      await this.#wait(...PAUSE_MS);
      if (left % ROUND === 0) await this.#heal();
    }
    await this.#heal();
  }

  async #beginFault(): Promise<void> {
    // Long faults need work that they can disturb.
    while (this.#faults.size >= MAX_AT_ONCE) {
      await this.#request();
      await Promise.race([this.#wait(...PAUSE_MS), ...this.#faults.values()]);
    }
    const fault = await this.#freeFault();
    this.#did(fault.name);
    this.#options.trace?.(`${fault.name}: ${fault.member.name} for ${fault.durationMs} ms`);
    const running = this.#follow(fault).catch((error: unknown) => {
      this.#surprises.push(`${fault.name}, ${fault.member.name}: ${String(error)}`);
    });
    for (const member of membersOf(fault)) {
      this.#faults.set(member, running);
      void running.then(() => this.#faults.delete(member));
    }
  }

  /** Resolves with a fault of a member that has none. */
  async #freeFault(): Promise<Fault> {
    const { lostAfterMs, only = "" } = this.#options;
    const surprise = (what: string): void => void this.#surprises.push(what);
    const options = {
      ...{ fleet: this.#fleet, random: this.#random, lostAfterMs, marksDir: this.#marksDir, surprise },
      onDiskFull: (disk: FullDisk): void => void this.#fullDisks.push(disk),
      onRestored: (restore: Restore): void => void this.#restores.push(restore),
    };
    for (;;) {
      for (let tries = 0; tries < 1_000; tries++) {
        const fault = anyFault(options);
        const isFree = !membersOf(fault).some((member) => this.#faults.has(member));
        if (isFree && fault.name.includes(only)) return fault;
      }
      if (this.#faults.size === 0) throw new Error(`no fault is named '${only}'`);
      await Promise.race(this.#faults.values());
    }
  }

  async #follow(fault: Fault): Promise<void> {
    await fault.begin();
    await Bun.sleep(fault.durationMs);
    await fault.heal();
  }

  async #heal(): Promise<void> {
    await Promise.all(this.#faults.values());
  }

  async #request(): Promise<void> {
    const act = this.#random.pick([
      [6, "trigger"],
      [1, "cancel"],
      [1, "drain"],
      [1, "step the clock"],
    ] as const);
    this.#did(act);
    if (act === "trigger") await this.#trigger();
    else if (act === "cancel") await this.#cancel();
    else if (act === "drain") await this.#drain();
    else this.#clock.set(this.#random.between(-HOUR_MS, HOUR_MS));
  }

  async #trigger(): Promise<void> {
    const answer = await this.#post(`/api/jobs/${this.#random.pick(JOBS)}/trigger`);
    if (answer?.status !== 200) this.#did(`trigger refused: ${answer?.status ?? "no answer"}`);
    if (answer === null) return;
    if (answer.status === 200) this.#accepted.add(answer.body.run_id ?? "");
    else if (answer.status !== 429 && answer.status !== 503)
      this.#surprises.push(`a trigger returned ${answer.status}: ${JSON.stringify(answer.body)}`);
  }

  async #cancel(): Promise<void> {
    const runs = (await this.#get("/api/runs?status=running&limit=50"))?.runs ?? [];
    const run = runs[this.#random.between(0, Math.max(0, runs.length - 1))];
    if (run !== undefined) await this.#post(`/api/runs/${run.id}/cancel`);
  }

  /** Drains a worker for a short time. */
  async #drain(): Promise<void> {
    const name = this.#random.pick([
      [1, "box1"],
      [1, "box2"],
      [1, "box3"],
    ] as const);
    await this.#post(`/api/workers/${name}/drain`);
    await this.#wait(0, 300);
    await this.#post(`/api/workers/${name}/resume`);
  }

  /** Waits until everything is idle, measures how long reactions take, stops everything, and checks it. */
  async conclude(): Promise<WorkerTorture> {
    const { dir, delays, lostAfterMs } = this.#options;
    await this.#settle();
    const fleet = this.#fleet;
    const measured = await measureDelays({ fleet, marksDir: this.#marksDir, lostAfterMs, times: delays });
    await this.#rest();
    for (const member of [...fleet.workers, fleet.scheduler]) await this.#stop(member);
    const checked = {
      dir,
      dbPath: fleet.dbPath,
      marksDir: this.#marksDir,
      accepted: this.#accepted,
      restores: this.#restores,
    };
    const found = workerViolations({ ...checked, workers: Object.keys(WORKERS), fullDisks: this.#fullDisks });
    const violations = [...this.#surprises, ...found];
    return { ...checked, done: this.#done, violations, delays: measured };
  }

  async #stop(member: Member): Promise<void> {
    const status = await member.stop();
    if (status !== 0) this.#surprises.push(`${member.name} stopped with ${status}`);
  }

  async #settle(): Promise<void> {
    for (const { name } of this.#fleet.workers) await this.#post(`/api/workers/${name}/resume`);
    const paused = await this.#post("/api/scheduler/pause");
    if (paused?.status !== 200) this.#surprises.push(`the last pause returned ${paused?.status}`);
    await this.#rest();
  }

  /** Waits until no run is unfinished, no worker holds anything, and no process of a task lives. */
  async #rest(): Promise<void> {
    const isIdle = async (): Promise<true | null> => {
      if ((await this.#unfinished()) > 0) return null;
      if (this.#fleet.workers.some(({ name }) => heldBy(stateDirOf(this.#options.dir, name)) > 0)) return null;
      return markedProcesses(this.#marksDir).length === 0 ? true : null;
    };
    try {
      await eventually("rest", isIdle, SETTLE_MS);
    } catch {
      const held = this.#fleet.workers.map(({ name }) => heldBy(stateDirOf(this.#options.dir, name)));
      this.#surprises.push(
        `after ${SETTLE_MS / 1_000} s there are ${await this.#unfinished()} unfinished runs, workers hold ${held.join(", ")} ` +
          `attempts, and these processes of tasks live: ${markedProcesses(this.#marksDir).join(", ") || "none"}`,
      );
    }
  }

  async #unfinished(): Promise<number> {
    const answers = await Promise.all(
      ["pending", "running"].map((status) => this.#get(`/api/runs?status=${status}&limit=1`)),
    );
    return answers.reduce((sum, answer) => sum + (answer?.count ?? 1), 0);
  }

  #did(what: string): void {
    this.#done.set(what, (this.#done.get(what) ?? 0) + 1);
  }

  async #get(path: string): Promise<Body | null> {
    try {
      const response = await this.#fleet.fetch(path, { signal: AbortSignal.timeout(REQUEST_MS) });
      return response.ok ? ((await response.json()) as Body) : null;
    } catch {
      return null;
    }
  }

  /** Returns null if there was no response. */
  async #post(path: string): Promise<{ readonly status: number; readonly body: Body } | null> {
    try {
      // A frozen petit answers when it continues.
      const response = await this.#fleet.fetch(path, { method: "POST", signal: AbortSignal.timeout(REQUEST_MS) });
      return { status: response.status, body: (await response.json()) as Body };
    } catch {
      return null;
    }
  }

  #wait(least: number, most: number): Promise<void> {
    return Bun.sleep(this.#random.between(least, most));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]();
    killAll(markedProcesses(this.#marksDir));
  }
}

/** How long to wait for a response. */
const REQUEST_MS = 3_000;

type Body = {
  readonly run_id?: string;
  readonly count?: number;
  readonly runs?: readonly { readonly id: string }[];
};

const membersOf = ({ member, also }: Fault): readonly Member[] => (also === undefined ? [member] : [member, also]);

const marksDirOf = (dir: string): string => join(dir, "marks");

/** Returns how many attempts a worker has not handed over. */
const heldBy = (stateDir: string): number => {
  try {
    const db = new Database(join(stateDir, "worker.db"), { readonly: true });
    const row = db.query<{ count: number }, []>("SELECT count(*) AS count FROM received").get();
    db.close();
    return row?.count ?? 0;
  } catch {
    return 0;
  }
};
