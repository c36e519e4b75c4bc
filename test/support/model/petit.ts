import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PetitError } from "../../../src/domain/errors.ts";
import type { RunId } from "../../../src/domain/ids.ts";
import type { TaskRun } from "../../../src/domain/task-run.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { createEngine } from "../../../src/engine/scheduler.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { jobId } from "../engine/factories.ts";
import { FakeClock } from "../engine/fake-clock.ts";
import { filesOf, SETTINGS } from "../engine/started-engine.ts";
import { DUE, HOOK_TOKEN, jobsWith, MODEL_MAX_JOBS, MODEL_QUEUES, type Presence } from "./jobs.ts";
import type { DeliveryModel, Fate, Model, RunModel, TaskModel } from "./model.ts";
import type { ScriptedProcess, ScriptedProcesses } from "./runtime.ts";

/** Half a minute after a full minute, so that nothing is due during the first commands. */
export const MODEL_START = Date.UTC(2026, 0, 15, 12, 0, 30);

/** A folder in memory if possible, because these tests do not test the disk. */
const FOLDER = readdirSync("/").includes("dev") && readdirSync("/dev").includes("shm") ? "/dev/shm" : tmpdir();

/** A petit with scripted processes and a fake clock, for one sequence of commands. */
export class ModelPetit implements AsyncDisposable {
  readonly processes: ScriptedProcesses;
  readonly #dir = mkdtempSync(join(FOLDER, "petit-model-"));
  readonly #clock = new FakeClock(MODEL_START);
  #store: Store;
  #engine: Engine;
  #tick: Presence = "on";

  private constructor(processes: ScriptedProcesses) {
    this.processes = processes;
    this.#store = this.#open();
    this.#engine = this.#create();
  }

  static async start(processes: ScriptedProcesses): Promise<ModelPetit> {
    processes.clear();
    const petit = new ModelPetit(processes);
    await petit.#engine.start();
    return petit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.stop("leave");
    this.#store[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true });
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** Waits for everything that takes little or no time. */
  settle(): Promise<void> {
    return this.#clock.pass(SETTLE_MS);
  }

  pass(ms: number): Promise<void> {
    return this.#clock.pass(ms);
  }

  step(ms: number): void {
    this.#clock.step(ms);
  }

  /** Returns null on success, otherwise the code of the refusal. */
  trigger(job: string, key: string | null): Promise<string | null> {
    return this.#outcomeOf(this.#engine.trigger(job, key === null ? {} : { idempotencyKey: key }));
  }

  /** Sends a webhook, and waits for what follows. */
  async deliver(job: string, id: string, key: string): Promise<void> {
    const headers = new Headers({ authorization: `Bearer ${HOOK_TOKEN}`, "x-id": id });
    const body = new TextEncoder().encode(JSON.stringify({ key }));
    const answer = this.#engine.receiveWebhook(job, null, { headers, body });
    await this.settle();
    const { kind } = await answer;
    if (kind !== "accepted") throw new Error(`the webhook was ${kind}`);
  }

  /** Returns null on success, otherwise the code of the refusal. */
  retry(runId: RunId): Promise<string | null> {
    return this.#outcomeOf(this.#engine.retry(runId));
  }

  async reload(tick: Presence): Promise<void> {
    this.#tick = tick;
    await this.#engine.reload();
  }

  /** Stops petit without storing anything, lets time pass, and starts a new one on the same database. */
  async crash(downMs: number, fates: readonly (readonly [ScriptedProcess, Fate])[]): Promise<void> {
    await this.#engine.stop("leave");
    for (const [child, fate] of fates) this.#apply(fate, child);
    this.#store[Symbol.dispose]();
    await this.#clock.pass(downMs);
    this.#store = this.#open();
    this.#engine = this.#create();
    await this.#engine.start();
  }

  /** Returns the process of a task of the model. */
  processOf(model: Model, [run, { task, item }]: readonly [RunModel, TaskModel]): ScriptedProcess {
    const runId = this.#runs()[model.runs.indexOf(run)]?.id;
    const found = this.processes.living.find(
      (child) => child.runId === runId && child.taskId === task.id && child.item === item,
    );
    if (found === undefined) throw new Error(`no process runs ${nodeName(task.id, item)}`);
    return found;
  }

  runId(model: Model, run: RunModel): RunId {
    const found = this.#runs()[model.runs.indexOf(run)];
    if (found === undefined) throw new Error("the model's run does not exist");
    return found.id;
  }

  /** Returns the state of petit in the format of `expected`. */
  actual(): readonly string[] {
    const runs = this.#runs();
    const nameOf = new Map<string, number>(runs.map(({ id }, index) => [id, index]));
    const { pending, running } = this.#engine.counts;
    return [
      `state ${this.#engine.state}, ${pending} pending, ${running} running`,
      ...runs.map((run, index) => {
        const tasks = this.#store.runs.listTaskRuns(run.id).map((task) => this.#taskLine(task));
        const { jobId, trigger, scheduledFor, status, parent } = run;
        const origin = parent && originText(nameOf.get(parent.runId), parent.taskId, parent.item);
        return runLine({ index, jobId, trigger, scheduledFor, status, origin, tasks });
      }),
      ...this.processes.living
        .map(
          (child) => `${nameOf.get(child.runId)} ${nodeName(child.taskId, child.item)} attempt ${child.attempt} lives`,
        )
        .sort(),
      ...Object.keys(DUE).flatMap((id) =>
        this.#store.occurrences
          .list(jobId(id), { limit: 10_000 })
          .map(({ scheduledFor, outcome, reason }) => ledgerLine(id, scheduledFor, outcome, reason))
          .reverse(),
      ),
      ...this.#store.deliveries
        .list({ limit: 10_000 })
        .toReversed()
        .map(({ jobId, type, providerId, outcome, reason, runId }) => {
          const index = nameOf.get(runId ?? "");
          const of = type === "run" ? `run ${nameOf.get(providerId ?? "")}` : (providerId ?? "");
          return deliveryLine(jobId, of, outcome === "merged" ? "merged" : `${reason ?? outcome} ${index ?? ""}`);
        }),
      `${this.#spooled()} in the spool`,
    ];
  }

  async #outcomeOf(request: Promise<unknown>): Promise<string | null> {
    const answer = request.then(() => null, codeOf);
    await this.settle();
    return answer;
  }

  #taskLine(task: TaskRun): string {
    const { runId, taskId } = task;
    const items = task.items === null ? null : this.#store.runs.listItems({ runId, taskId });
    return taskLine({ ...task, id: taskId, items });
  }

  #runs() {
    return this.#store.runs.list({ limit: 10_000 }).toReversed();
  }

  #spooled(): number {
    return readdirSync(join(this.#dir, "spool")).filter((name) => /^\d+$/.test(name)).length;
  }

  #apply(fate: Fate, child: ScriptedProcess): void {
    if (fate === "lives") this.processes.outlive(child, this.#store);
    else if (fate === "completes") this.processes.end(child, 0);
    else if (fate === "fails") this.processes.end(child, 1);
    else if (fate === "is lost") this.processes.lose(child, this.#store);
    else this.processes.undo(child);
  }

  #open(): Store {
    return openStore({ path: join(this.#dir, "petit.db"), runtime: this.processes.runtime });
  }

  #create(): Engine {
    return createEngine({
      store: this.#store,
      runtime: this.processes.runtime,
      clock: this.#clock,
      log: silentLog,
      readJobs: async () => filesOf(jobsWith(this.#tick)),
      spoolDir: join(this.#dir, "spool"),
      artifactsDir: join(this.#dir, "artifacts"),
      ownFolders: { state: [], jobs: null },
      environment: { PATH: process.env.PATH ?? "", HOOK_TOKEN },
      settings: { ...SETTINGS, maxJobs: MODEL_MAX_JOBS, queues: MODEL_QUEUES },
    });
  }
}

const codeOf = (error: unknown): string => {
  if (error instanceof PetitError) return error.code;
  throw error;
};

/** Long enough for everything that petit polls. */
const SETTLE_MS = 250;

/** Returns the state that petit must have, by the model. */
export const expected = (model: Model): readonly string[] => {
  const count = (status: string): number => model.runs.filter((run) => run.status === status).length;
  return [
    `state ${model.isPaused ? "paused" : "running"}, ${count("pending")} pending, ${count("running")} running`,
    ...model.runs.map(({ job, trigger, scheduledFor, status, parent, tasks }, index) => {
      const lines = tasks.map((task) => taskLine({ ...task, id: task.task.id }));
      const [of, node] = parent ?? [];
      const origin = of && node ? originText(model.runs.indexOf(of), node.task.id, node.item) : null;
      return runLine({ index, jobId: job.id, trigger, scheduledFor, status, origin, tasks: lines });
    }),
    ...model.living
      .map(([run, { task, item, attempts }]) => {
        return `${model.runs.indexOf(run)} ${nodeName(task.id, item)} attempt ${attempts} lives`;
      })
      .sort(),
    ...Object.keys(DUE).flatMap((id) =>
      [...(model.ledger.get(id) ?? [])]
        .sort(([a], [b]) => a - b)
        .map(([at, { outcome, reason }]) => ledgerLine(id, at, outcome, reason)),
    ),
    ...model.deliveries.map((delivery) => deliveryLine(delivery.job.id, delivery.of, fateOf(model, delivery))),
    `${model.living.length} in the spool`,
  ];
};

const fateOf = (model: Model, { becomes }: DeliveryModel): string => {
  if (becomes.kind === "merged") return "merged";
  if (becomes.kind === "kept") return "paused ";
  if (becomes.kind === "debounced") return "debounce ";
  return `${becomes.run.status === "pending" ? "busy" : "fired"} ${model.runs.indexOf(becomes.run)}`;
};

const deliveryLine = (jobId: string, of: string, fate: string): string => `${jobId} by ${of}: ${fate}`;

type RunLine = {
  readonly index: number;
  readonly jobId: string;
  readonly trigger: string;
  readonly scheduledFor: number | null;
  readonly status: string;
  readonly origin: string | null;
  readonly tasks: readonly string[];
};

const runLine = ({ index, jobId, trigger, scheduledFor, status, origin, tasks }: RunLine): string =>
  `${index} ${jobId} ${trigger}${origin ?? ""} ${clockTime(scheduledFor)} ${status}: ${tasks.join(", ")}`;

const originText = (index: number | undefined, taskId: string, item: number | null): string =>
  ` of ${index} ${nodeName(taskId, item)}`;

const nodeName = (taskId: string, item: number | null): string => (item === null ? taskId : `${taskId}[${item}]`);

type StateLine = { readonly status: string; readonly reason: string | null; readonly attempts: number };

type TaskLine = StateLine & { readonly id: string; readonly items: readonly StateLine[] | null };

const taskLine = ({ id, items, ...state }: TaskLine): string =>
  `${id} ${stateLine(state)}${items === null ? "" : ` [${items.map(stateLine).join(", ")}]`}`;

const stateLine = ({ status, reason, attempts }: StateLine): string =>
  `${status}${reason === null ? "" : `(${reason})`}/${attempts}`;

const ledgerLine = (id: string, at: number, outcome: string, reason: string | null): string =>
  `${id} ${clockTime(at)} ${outcome}${outcome === "skipped" ? ` (${reason})` : ""}`;

const clockTime = (at: number | null): string => (at === null ? "-" : new Date(at).toISOString().slice(8, 19));
