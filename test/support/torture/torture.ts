import { Database } from "bun:sqlite";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type SteppedClock, steppedClock } from "../engine/faults-clock.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { LogFollower } from "./follower.ts";
import { accountedFiles, Inbox } from "./inbox.ts";
import { QUEUE, tortureJobs } from "./jobs.ts";
import { Locker } from "./locker.ts";
import { groupOf, recordedName, taskProcesses } from "./processes.ts";
import { type Random, randomOf } from "./random.ts";
import { WEBHOOK_FILES, Webhooks } from "./webhooks.ts";

export type TortureOptions = {
  readonly seed: number;
  /** How often petit is killed. It is also ended in other ways. */
  readonly kills: number;
  /** An empty folder for the database and the jobs. */
  readonly dir: string;
  /** True if the wall clock is set as well. */
  readonly stepsClock: boolean;
  /** The longest time for which another program locks the database, in ms; 0 for no locks. */
  readonly locksForMs: number;
  readonly trace?: (line: string) => void;
};

export type Torture = {
  readonly dbPath: string;
  /** How often each disturbance happened. */
  readonly done: ReadonlyMap<string, number>;
  /** The ids of the runs whose trigger succeeded. */
  readonly accepted: ReadonlySet<string>;
  /** The accepted deliveries, by the id that their sender gave them. */
  readonly webhooks: ReadonlyMap<string, string>;
  /** The number of files that were written for the job `inbox`. */
  readonly files: number;
  /** The values of the param `n` of triggers that were refused because the database could not be written. */
  readonly refused: ReadonlySet<string>;
  /** The attempts, as the records of tasks name them, whose processes the test has killed: they can end after the last record. */
  readonly killed: ReadonlySet<string>;
  /** Unexpected events during the test. */
  readonly surprises: readonly string[];
  /** The times from the start of a process until it was ready, in ms. */
  readonly startsMs: readonly number[];
};

/** Disturbs petit until it was killed `kills` times, then lets its runs end, and stops it. */
export const torture = async (options: TortureOptions): Promise<Torture> => {
  const torturer = new Torturer(options);
  try {
    await torturer.start();
    while (torturer.kills < options.kills) await torturer.round();
    await torturer.settle();
  } catch (error) {
    await torturer.giveUp();
    throw error;
  }
  return torturer;
};

const HOUR_MS = 3_600_000;

/** A small limit, which a burst exceeds. */
const LOG_LIMIT = "64KiB";

/** How long petit may take until one more run has ended. */
const SETTLE_MS = 90_000;

/** The largest limit of the API. */
const MOST_RUNS = 1_000;

class Torturer implements Torture {
  readonly #options: TortureOptions;
  readonly #random: Random;
  readonly #clock: SteppedClock;
  readonly done = new Map<string, number>();
  readonly accepted = new Set<string>();
  readonly refused = new Set<string>();
  readonly killed = new Set<string>();
  readonly surprises: string[] = [];
  readonly startsMs: number[] = [];
  readonly #keys = new Map<string, string>();
  readonly #followers: LogFollower[] = [];
  readonly #locker: Locker;
  readonly #webhooks: Webhooks;
  readonly #inbox: Inbox;
  #petit: Petit | null = null;
  #triggers = 0;
  #isPaused = false;

  constructor(options: TortureOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed);
    this.#clock = steppedClock(options.dir);
    this.#locker = new Locker(this.dbPath);
    this.#webhooks = new Webhooks(this.#random);
    this.#inbox = new Inbox(options.dir, this.#random);
    this.#write({ ...tortureJobs(options.dir), ...WEBHOOK_FILES });
  }

  get dbPath(): string {
    return join(this.#options.dir, "petit.db");
  }

  get webhooks(): ReadonlyMap<string, string> {
    return this.#webhooks.accepted;
  }

  get files(): number {
    return this.#inbox.count;
  }

  get kills(): number {
    return this.#count("kill") + this.#count("kill frozen");
  }

  async start(): Promise<void> {
    const how = this.#random.pick([
      [1, "leave"],
      [1, "drain"],
    ] as const);
    const { dir, stepsClock } = this.#options;
    const args = ["--on-shutdown", how, "--shutdown-timeout", "500ms", "--kill-grace", "300ms", "--max-jobs", "12"];
    args.push("--queue", `${QUEUE}=1`);
    args.push("--log-limit", LOG_LIMIT);
    for (;;) {
      const startedAt = performance.now();
      try {
        this.#petit = await startPetit({ dir, args, env: stepsClock ? this.#clock.environment : {} });
        this.startsMs.push(performance.now() - startedAt);
        return;
      } catch (error) {
        // Start it again, as the systemd unit does.
        if (!this.#locker.wasHeldWithin(performance.now() - startedAt) || !isLockRefusal(error)) throw error;
        this.#did("start refused: locked");
        await this.#wait(100, 200);
      }
    }
  }

  /** Disturbs a running petit, ends it, and starts it again. */
  async round(): Promise<void> {
    for (let left = this.#random.between(1, 5); left > 0; left--) {
      await this.#act();
      await this.#wait(10, 250);
    }
    await this.#end();
    if (this.#random.next() < 0.3) this.#loseTask();
    if (this.#random.next() < 0.4) await this.#wait(10, 1_200);
    await this.start();
  }

  /** Pauses the scheduler and waits for the end of all runs. */
  async settle(): Promise<void> {
    this.#locker.unlock();
    const paused = await this.#post("/api/scheduler/pause");
    if (paused?.status !== 200) this.surprises.push(`the last pause returned ${paused?.status}`);
    await this.#inbox.complete();
    await this.#waitForFiles();
    let fewest = Number.POSITIVE_INFINITY;
    let deadline = 0;
    for (;;) {
      const left = await this.#unfinished();
      if (left === 0) break;
      // Steps of the clock and a busy machine can leave many runs that start one after the other.
      if (left < fewest) deadline = performance.now() + SETTLE_MS;
      fewest = Math.min(fewest, left);
      if (performance.now() > deadline) {
        this.surprises.push(`${left} runs are unfinished, and none has ended for ${SETTLE_MS / 1000} s`);
        break;
      }
      await this.#wait(50, 100);
    }
    await this.#checkFollowers();
    await this.#stop();
  }

  /** Waits until each file is accounted for: the run of one may have started before the pause. */
  async #waitForFiles(): Promise<void> {
    const db = new Database(this.dbPath, { readonly: true });
    const deadline = performance.now() + SETTLE_MS;
    while (accountedFiles(db) < this.files && performance.now() < deadline) await this.#wait(50, 100);
    db.close();
  }

  async #checkFollowers(): Promise<void> {
    const failures = await Promise.all(this.#followers.map(({ ended }) => ended));
    const db = new Database(this.dbPath, { readonly: true });
    const faults = this.#followers.flatMap((follower) => follower.faults(db).slice(0, 3));
    db.close();
    this.surprises.push(...this.#webhooks.contradictions);
    this.surprises.push(...failures.filter((failure) => failure !== null), ...faults);
  }

  /** Kills all remaining processes. */
  async giveUp(): Promise<void> {
    this.#locker.unlock();
    await this.#petit?.kill();
    for (const pid of taskProcesses(this.dbPath)) process.kill(pid, "SIGKILL");
  }

  async #act(): Promise<void> {
    const acts = [
      [6, "trigger"],
      [2, "trigger by key"],
      [4, "webhooks"],
      [4, "files"],
      [2, "cancel"],
      // Only for a short time, because occurrences that pass meanwhile never fire.
      [this.#isPaused ? 10 : 1, "pause"],
      [1, "reload"],
      [1, "freeze"],
      [this.#options.stepsClock ? 2 : 0, "step"],
      [this.#options.locksForMs > 0 ? 2 : 0, "lock"],
    ] as const;
    const act = this.#random.pick(acts);
    this.#did(act);
    if (act === "trigger") await this.#trigger();
    else if (act === "trigger by key") await this.#triggerByKey();
    else if (act === "webhooks") await Promise.all([this.#webhook(), this.#webhook(), this.#webhook()]);
    else if (act === "files") for (let left = 3; left > 0; left--) this.#inbox.drop();
    else if (act === "cancel") await this.#cancel();
    else if (act === "pause") await this.#pause();
    else if (act === "reload") this.#changeJobs();
    else if (act === "freeze") await this.#freeze();
    else if (act === "lock") this.#lock();
    else this.#step();
  }

  async #end(): Promise<void> {
    const end = this.#random.pick([
      [6, "kill"],
      [1, "kill frozen"],
      [3, "stop"],
    ] as const);
    this.#did(end);
    if (end === "stop") return this.#stop();
    if (end === "kill frozen") this.#signal("SIGSTOP");
    // Kill it during its work.
    const triggers = end === "kill" ? [this.#trigger(), this.#triggerByKey(), this.#webhook(), this.#webhook()] : [];
    if (end === "kill") await this.#wait(0, 12);
    await this.#petit?.kill();
    await Promise.all(triggers);
  }

  async #stop(): Promise<void> {
    const petit = this.#petit;
    const status = await petit?.stop();
    if (status !== 0) this.surprises.push(`petit stopped with ${status}:\n${petit?.stderr().slice(-2_000)}`);
  }

  /** Returns the duration of a lock. Most are short, because petit can't start during a lock. */
  #lock(): void {
    const most = this.#options.locksForMs;
    const longest = this.#random.pick([
      [5, Math.min(500, most)],
      [3, Math.min(5_000, most)],
      [1, most],
    ] as const);
    if (!this.#locker.lock(this.#random.between(0, longest))) this.#did("lock refused: busy");
  }

  async #trigger(): Promise<void> {
    const job = this.#anyJob();
    const n = `trigger-${++this.#triggers}`;
    const init = job === "manual" ? { body: JSON.stringify({ params: { n } }) } : {};
    const answer = await this.#post(`/api/jobs/${job}/trigger`, init);
    if (answer === null) return;
    if (this.#accept(answer)) this.#follow(answer.body.run_id ?? "");
    else this.refused.add(n);
  }

  #follow(runId: string): void {
    if (this.#random.next() < 0.5) return;
    this.#did("follow");
    this.#followers.push(new LogFollower(runId, () => this.#petit));
  }

  /** Sends the same request with the same key twice, which must create one run. */
  async #triggerByKey(): Promise<void> {
    const key = `key-${this.#random.between(1, 20)}`;
    const ask = (): Promise<TortureResponse | null> =>
      this.#post("/api/jobs/manual/trigger", {
        headers: { "idempotency-key": key },
        body: `{"params":{"n":"${key}"}}`,
      });
    for (const answer of await Promise.all([ask(), ask()])) {
      if (answer === null || !this.#accept(answer)) continue;
      const known = this.#keys.get(key) ?? answer.body.run_id;
      if (known !== answer.body.run_id) this.surprises.push(`${key} names two runs`);
      this.#keys.set(key, known ?? "");
    }
  }

  async #webhook(): Promise<void> {
    const { path, init, id } = this.#webhooks.next();
    const answer = await this.#post(path, init);
    if (answer === null) return;
    const { status, body } = answer;
    if ((status === 200 || status === 202) && body.delivery_id !== undefined) {
      this.#webhooks.answered(id, body.delivery_id);
      if (body.run_id != null) this.accepted.add(body.run_id);
    } else if (status === 503 && this.#locker.wasHeldWithin(1_000)) this.#did("webhook refused: locked");
    else this.surprises.push(`a webhook returned ${status}: ${JSON.stringify(body)}`);
  }

  #accept({ status, body }: TortureResponse): boolean {
    if (status === 200 && body.run_id !== undefined) this.accepted.add(body.run_id);
    else if (status === 503 && this.#locker.wasHeldWithin(1_000) && /is locked by/.test(body.error ?? ""))
      this.#did("trigger refused: locked");
    else if (status !== 429) this.surprises.push(`a trigger returned ${status}: ${JSON.stringify(body)}`);
    return status === 200;
  }

  async #cancel(): Promise<void> {
    const runs = await this.#get<{ readonly runs: readonly { readonly id: string }[] }>(
      "/api/runs?status=running&limit=50",
    );
    const count = runs?.runs.length ?? 0;
    const run = runs?.runs[this.#random.between(0, Math.max(0, count - 1))];
    if (run !== undefined) await this.#post(`/api/runs/${run.id}/cancel`);
  }

  async #pause(): Promise<void> {
    const answer = await this.#post(`/api/scheduler/${this.#isPaused ? "resume" : "pause"}`);
    if (answer?.status === 200) this.#isPaused = !this.#isPaused;
  }

  /** Breaks or repairs the file of a job without a schedule. */
  #changeJobs(): void {
    const good = tortureJobs(this.#options.dir)["manual.yaml"] ?? "";
    const isBroken = this.#random.next() < 0.5;
    this.#write({ "manual.yaml": isBroken ? `${good}tusks: []\n` : `${good}# ${this.#random.next()}\n` });
  }

  async #freeze(): Promise<void> {
    this.#signal("SIGSTOP");
    await this.#wait(100, 1_500);
    this.#signal("SIGCONT");
  }

  #step(): void {
    const offset = this.#random.pick([
      [2, HOUR_MS],
      [2, -HOUR_MS],
      [2, 0],
      [2, this.#random.between(-5_000, 5_000)],
      [1, this.#random.between(-HOUR_MS, HOUR_MS)],
    ] as const);
    this.#clock.set(offset);
  }

  /** Kills the processes of one task while petit is not running. */
  #loseTask(): void {
    const pids = taskProcesses(this.dbPath);
    const group = groupOf(pids[this.#random.between(0, Math.max(0, pids.length - 1))] ?? 0);
    if (group === null) return;
    this.#did("lose a task");
    for (const pid of pids) if (groupOf(pid) === group) this.killed.add(recordedName(pid));
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // It has already ended.
    }
  }

  #anyJob(): string {
    return this.#random.pick([
      [3, "manual"],
      [2, "burst"],
      [1, "chain"],
      [1, "flaky"],
      [1, "rerun"],
      [1, "skip"],
    ] as const);
  }

  async #unfinished(): Promise<number> {
    const answers = await Promise.all(
      ["pending", "running"].map((status) =>
        this.#get<{ readonly count: number }>(`/api/runs?status=${status}&limit=${MOST_RUNS}`),
      ),
    );
    return answers.reduce((sum, answer) => sum + (answer?.count ?? 1), 0);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#petit !== null) process.kill(this.#petit.pid, signal);
  }

  #write(files: Readonly<Record<string, string>>): void {
    const jobsDir = join(this.#options.dir, "jobs");
    mkdirSync(jobsDir, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(jobsDir, name), text);
  }

  #count(what: string): number {
    return this.done.get(what) ?? 0;
  }

  #did(what: string): void {
    this.done.set(what, this.#count(what) + 1);
    this.#options.trace?.(what);
  }

  async #get<Body>(path: string): Promise<Body | null> {
    const response = await this.#petit?.fetch(path);
    return response?.ok ? ((await response.json()) as Body) : null;
  }

  /** Returns null if there was no response. */
  async #post(path: string, init: RequestInit = {}): Promise<TortureResponse | null> {
    try {
      const response = await this.#petit?.fetch(path, { method: "POST", ...init });
      return response === undefined ? null : { status: response.status, body: (await response.json()) as Body };
    } catch {
      return null;
    }
  }

  #wait(least: number, most: number): Promise<void> {
    return Bun.sleep(this.#random.between(least, most));
  }
}

const isLockRefusal = (error: unknown): boolean =>
  error instanceof Error && /is locked by|SQLITE_BUSY/.test(error.message);

type Body = { readonly run_id?: string; readonly delivery_id?: string; readonly error?: string };
type TortureResponse = { readonly status: number; readonly body: Body };
