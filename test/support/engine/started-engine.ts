import { setTimeout } from "node:timers/promises";
import { openRuntime } from "#runtime";
import type { Event, EventType } from "../../../src/domain/event.ts";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Run } from "../../../src/domain/run.ts";
import type { Attempt, OutputStream, TaskRun } from "../../../src/domain/task-run.ts";
import type { CgroupSupport } from "../../../src/engine/attempt/cgroup/support.ts";
import type { Engine, TriggerRequest } from "../../../src/engine/engine.ts";
import type { EngineSettings } from "../../../src/engine/options.ts";
import { type CreateEngineOptions, createEngine } from "../../../src/engine/scheduler.ts";
import type { JobFiles } from "../../../src/jobfile/read/job-dir.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { type Log, silentLog } from "../../../src/lib/log.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { OutputChunk } from "../../../src/store/output.ts";
import type { Store } from "../../../src/store/store.ts";
import { tempDir } from "../temp-dir.ts";
import { FakeClock } from "./fake-clock.ts";
import { spooledIn } from "./spool.ts";

export const SETTINGS: EngineSettings = {
  maxJobs: null,
  maxTasks: 4,
  timezone: "UTC",
  killGraceMs: 10_000,
  onInterrupt: "fail",
  logLimitBytes: 16 * 2 ** 20,
  artifactLimitBytes: 2 ** 30,
  shutdownTimeoutMs: 30_000,
};

export type StartOptions = {
  readonly jobs?: readonly Job[];
  /** The content of the job files, instead of `jobs`. */
  readonly files?: JobFiles;
  readonly clock?: Clock;
  readonly settings?: Partial<EngineSettings>;
  /** The folder of a previous engine, with its database and its spool folder. */
  readonly dir?: string;
  /** The folder of the artifacts; by default one in the folder of the engine. */
  readonly artifactsDir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly runtime?: Runtime;
  /** The log. Without it, a logged error fails the test when the engine stops. */
  readonly log?: Log;
  /** Wraps the engine's store. */
  readonly wrap?: (store: Store) => Store;
  readonly followSchedules?: boolean;
  readonly cgroups?: CgroupSupport;
  readonly digest?: CreateEngineOptions["digest"];
  readonly heartbeat?: CreateEngineOptions["heartbeat"];
  readonly traces?: CreateEngineOptions["traces"];
  readonly backup?: CreateEngineOptions["backup"];
  readonly workers?: CreateEngineOptions["workers"];
  readonly messages?: CreateEngineOptions["messages"];
  readonly openAccess?: CreateEngineOptions["openAccess"];
  /** Called before the engine starts. */
  readonly beforeStart?: (engine: Engine) => Promise<void>;
};

/** An engine with a real database and real processes. */
export type StartedEngine = AsyncDisposable & {
  readonly engine: Engine;
  readonly store: Store;
  /** The folder of the database and the spool folder. */
  readonly dir: string;
  /** The content of the job files at the next reload. */
  files: JobFiles;
  /** Makes the next read of the job files fail. */
  failRead(error: Error): void;
  /** The names of the files in the spool folder, except for those that wait for later attempts. */
  readonly spooled: readonly string[];
  trigger(jobId: string, request?: TriggerRequest): Promise<Run>;
  /** Triggers a job and waits for the end of its run. */
  run(jobId: string, params?: Readonly<Record<string, string>>): Promise<Finished>;
  /** Waits for the end of a run. Returns what is stored. */
  ended(runId: RunId): Promise<Finished>;
  read(runId: RunId): Finished;
  /** Resolves with the first such event since the start of this engine. */
  event(type: EventType, fits?: Partial<Event>): Promise<Event>;
  /** Resolves when the output of a run contains this text. */
  written(runId: RunId, text: string): Promise<void>;
  /** Stops the engine and closes its store. Removes the folder unless it was given. */
  stop(how: "drain" | "leave" | "now"): Promise<void>;
};

export type Finished = {
  readonly run: Run;
  readonly tasks: Readonly<Record<string, TaskRun>>;
  readonly attempts: readonly Attempt[];
  /** `a completed · b failed(exit_code)`, by id. */
  readonly summary: string;
  readonly chunks: readonly OutputChunk[];
  bytes(filter?: OutputFilter): Buffer;
  output(filter?: OutputFilter): string;
};

type OutputFilter = { readonly task?: string; readonly attempt?: number; readonly stream?: OutputStream };

export const filesOf = (jobs: readonly Job[]): JobFiles => ({
  jobs: [...jobs].sort((a, b) => (a.id < b.id ? -1 : 1)),
  problems: [],
  broken: [],
});

export const startEngine = async (options: StartOptions = {}): Promise<StartedEngine> => {
  const parts = new AsyncDisposableStack();
  const errors: string[] = [];
  parts.defer(() => {
    if (errors.length > 0) throw new Error(`petit logged errors:\n${errors.join("\n")}`);
  });
  const dir = options.dir ?? parts.use(tempDir()).path;
  const runtime = options.runtime ?? openRuntime();
  const opened = parts.use(openStore({ path: `${dir}/petit.db`, runtime }));
  const store = options.wrap?.(opened) ?? opened;
  const spoolDir = `${dir}/spool`;
  let files = options.files ?? filesOf(options.jobs ?? []);
  let failure: Error | null = null;
  const engine = createEngine({
    store,
    runtime,
    clock: options.clock ?? systemClock,
    log: options.log ?? { ...silentLog, error: ({ err }, message) => errors.push(`${message}: ${err}`) },
    readJobs: async () => {
      const error = failure;
      failure = null;
      if (error !== null) throw error;
      return files;
    },
    spoolDir,
    artifactsDir: options.artifactsDir ?? `${dir}/artifacts`,
    ownFolders: { state: [], jobs: null },
    environment: options.environment ?? { PATH: process.env.PATH ?? "", HOME: "/" },
    settings: { ...SETTINGS, ...options.settings },
    followSchedules: options.followSchedules ?? true,
    ...(options.cgroups !== undefined && { cgroups: options.cgroups }),
    digest: options.digest ?? null,
    heartbeat: options.heartbeat ?? null,
    traces: options.traces ?? null,
    backup: options.backup ?? null,
    workers: options.workers ?? null,
    messages: options.messages ?? null,
    ...(options.openAccess !== undefined && { openAccess: options.openAccess }),
  } satisfies CreateEngineOptions);
  const events: Event[] = [];
  const listeners = new Set<() => void>();
  engine.onEvent((event) => {
    events.push(event);
    for (const listener of [...listeners]) listener();
  });
  parts.use(engine);
  await options.beforeStart?.(engine);
  await engine.start();

  const started: StartedEngine = {
    engine,
    store,
    dir,
    get files() {
      return files;
    },
    set files(next) {
      files = next;
    },
    failRead: (error) => {
      failure = error;
    },
    get spooled() {
      return spooledIn(spoolDir);
    },
    trigger: async (jobId, request) => {
      const run = await engine.trigger(jobId, request);
      if ("status" in run) return run;
      throw new Error(`run '${run.id}' was deleted`);
    },
    run: async (jobId, params) => {
      const run = await engine.trigger(jobId, params === undefined ? {} : { params });
      return started.ended(run.id);
    },
    ended: async (runId) => {
      await engine.waitForRun(runId);
      return started.read(runId);
    },
    read: (runId) => readRun(store, runId),
    event: (type, fits = {}) =>
      until(listeners, () => events.find((event) => event.type === type && holds(event, fits)) ?? null),
    written: async (runId, text) => {
      const heard = new Set<() => void>();
      const end = engine.onOutput(runId, () => {
        for (const listener of [...heard]) listener();
      });
      await until(heard, () => (readRun(store, runId).output().includes(text) ? true : null));
      end();
    },
    stop: async (how) => {
      await engine.stop(how);
      await parts.disposeAsync();
    },
    [Symbol.asyncDispose]: () =>
      options.clock instanceof FakeClock ? options.clock.passUntil(parts.disposeAsync()) : parts.disposeAsync(),
  };
  return started;
};

const holds = (event: Event, fits: Partial<Event>): boolean =>
  Object.entries(fits).every(([key, value]) => event[key as keyof Event] === value);

/** Polls a condition that has no event. */
export const waitFor = async (check: () => boolean): Promise<void> => {
  while (!check()) await setTimeout(1);
};

/** Checks now and at every event until there is a result. */
const until = <T>(listeners: Set<() => void>, check: () => T | null): Promise<T> =>
  new Promise((resolve) => {
    const listener = (): void => {
      const found = check();
      if (found === null) return;
      listeners.delete(listener);
      resolve(found);
    };
    listeners.add(listener);
    listener();
  });

export const readRun = (store: Store, runId: RunId): Finished => {
  const run = store.runs.find(runId);
  if (run === null) throw new Error(`run '${runId}' does not exist`);
  const taskRuns = store.runs.listTaskRuns(runId);
  const chunks = store.output.read({ runId, fromSeq: 1, limit: 1_000_000 });
  const bytes: Finished["bytes"] = (filter = {}) =>
    Buffer.concat(chunks.filter((chunk) => fits(chunk, filter)).map((chunk) => chunk.bytes));
  return {
    run,
    tasks: Object.fromEntries(taskRuns.map((taskRun) => [taskRun.taskId, taskRun])),
    attempts: store.runs.listAttempts(runId),
    summary: taskRuns
      .map(({ taskId, status, reason }) => `${taskId} ${status}${reason === null ? "" : `(${reason})`}`)
      .join(" · "),
    chunks,
    bytes,
    output: (filter) => bytes(filter).toString("utf8"),
  };
};

const fits = (chunk: OutputChunk, filter: OutputFilter): boolean =>
  (filter.task === undefined || chunk.taskId === filter.task) &&
  (filter.attempt === undefined || chunk.attempt === filter.attempt) &&
  (filter.stream === undefined || chunk.stream === filter.stream);
