import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuWithChildrenMs, EXECUTABLE, freePort } from "../petit-process.ts";
import { typicalJob } from "../workspace.ts";

/** A scheduler that the same work is measured with. */
export type Scheduler = {
  readonly name: string;
  readonly executable: string;
  readonly jobFile: (job: BenchJob) => string;
  /** Returns the arguments of the server. */
  readonly args: (server: { readonly jobsDir: string; readonly dir: string; readonly port: number }) => string[];
  /** Further variables of the environment. */
  readonly environment: (dir: string) => Readonly<Record<string, string>>;
  readonly healthPath: string;
  /** Returns the path of a job, or null if the scheduler is ready when it is healthy. */
  readonly jobPath: (jobId: string) => string | null;
  /** How it checks a folder of job files of typical size; null if it has no such command. */
  readonly validation: Validation | null;
  readonly triggerPath: (jobId: string) => string;
  /** Returns the path of the run that an answer to a trigger names. */
  readonly runPath: (jobId: string, answer: Answer) => string;
  readonly statusOf: (run: Answer) => unknown;
  readonly completed: string;
  /** A frequent schedule, and how often it is due, in seconds. */
  readonly frequent: { readonly schedule: string; readonly periodSeconds: number };
};

type Validation = {
  readonly args: (jobsDir: string) => string[];
  readonly jobFile: (jobId: string, index: number) => string;
};

type Answer = Readonly<Record<string, unknown>>;

/** A job whose tasks each run a command of one word or of several. With `isChained`, each task waits for the one before it. */
export type BenchJob = {
  readonly id: string;
  readonly tasks: readonly (readonly string[])[];
  readonly isChained: boolean;
  /** Null if it only runs when it is triggered. */
  readonly schedule: string | null;
};

const petitJobFile = ({ id, tasks, isChained, schedule }: BenchJob): string =>
  [
    `id: ${id}`,
    `name: ${id}`,
    "max_concurrency: 1000",
    ...(schedule === null ? [] : [`schedule: "${schedule}"`]),
    "tasks:",
    ...tasks.flatMap(([command, ...args], index) => [
      `  - id: t${index}`,
      "    type: command",
      `    command: ${command}`,
      ...(args.length === 0 ? [] : [`    args: ${JSON.stringify(args)}`]),
      ...(isChained && index > 0 ? [`    depends_on: [t${index - 1}]`] : []),
    ]),
    "",
  ].join("\n");

const petitLike = {
  jobFile: petitJobFile,
  environment: () => ({}),
  healthPath: "/api/health",
  jobPath: (jobId: string) => `/api/jobs/${jobId}`,
  validation: { args: (jobsDir: string) => ["validate", jobsDir], jobFile: typicalJob },
  triggerPath: (jobId: string) => `/api/jobs/${jobId}/trigger`,
  runPath: (_jobId: string, answer: Answer) => `/api/runs/${answer.run_id}`,
  statusOf: ({ status }: Answer) => status,
  completed: "completed",
  frequent: { schedule: "*/5 * * * * *", periodSeconds: 5 },
};

/** This petit, or another build of it. */
export const petitScheduler = (name = "petit", executable = EXECUTABLE): Scheduler => ({
  ...petitLike,
  name,
  executable,
  args: ({ jobsDir, dir, port }) => [
    ...["run", jobsDir, "--db", join(dir, "petit.db"), "--api-port", String(port)],
    ...["--log-level", "error", "--log-format", "json"],
  ],
});

/** Returns what comes closest to `typicalJob` in the Rust petit, which has no shell tasks and no backoff. */
const typicalRustJob = (id: string, minuteOfDay: number): string =>
  typicalJob(id, minuteOfDay)
    .replace("delay: 10s, backoff: exponential", "delay_secs: 10")
    .replace(/type: shell\n {4}script: \|\n {6}true/, "type: command\n    command: /bin/sh\n    args: [-c, 'true']");

/** The Rust petit 0.2, built with the features `api` and `sqlite`. */
export const rustPetit = (executable: string): Scheduler => ({
  ...petitLike,
  name: "Rust petit",
  executable,
  validation: { ...petitLike.validation, jobFile: typicalRustJob },
  args: ({ jobsDir, dir, port }) => ["run", jobsDir, "--db", join(dir, "petit.db"), "--api-port", String(port)],
  environment: () => ({ RUST_LOG: "error" }),
});

/** Dagu 2. Its schedules are due at most once a minute. */
export const dagu = (executable: string): Scheduler => ({
  name: "Dagu",
  executable,
  jobFile: ({ tasks, isChained, schedule }) =>
    [
      `type: ${isChained ? "chain" : "graph"}`,
      ...(schedule === null ? [] : [`schedule: "${schedule}"`]),
      "steps:",
      ...tasks.flatMap((command, index) => [`  - name: t${index}`, `    command: ${command.join(" ")}`]),
      "",
    ].join("\n"),
  args: ({ jobsDir, port }) => ["start-all", "--dags", jobsDir, "--port", String(port)],
  environment: (dir) => ({ DAGU_HOME: join(dir, "home"), DAGU_AUTH_MODE: "none", DAGU_COORDINATOR_ENABLED: "false" }),
  healthPath: "/api/v1/health",
  jobPath: () => null,
  validation: null,
  triggerPath: (jobId) => `/api/v1/dags/${jobId}/start`,
  runPath: (jobId, answer) => `/api/v1/dag-runs/${jobId}/${answer.dagRunId}`,
  statusOf: ({ dagRunDetails }) =>
    typeof dagRunDetails === "object" && dagRunDetails !== null && "statusLabel" in dagRunDetails
      ? dagRunDetails.statusLabel
      : null,
  completed: "succeeded",
  frequent: { schedule: "* * * * *", periodSeconds: 60 },
});

/** A running scheduler. Disposing it ends it. */
export interface RunningScheduler extends AsyncDisposable {
  readonly scheduler: Scheduler;
  readonly pid: number;
  /** The CPU time that it and its processes have used, in ms. */
  readonly cpuMs: number;
  /** Triggers a job, again while the scheduler is starting. Resolves with the path of the run when the answer has arrived. */
  trigger(jobId: string): Promise<string>;
  /**
   * Asks for the state of a run until it has completed, `pauseMs` after each answer. Throws if it ends in another way, or not
   * within 20 s.
   */
  waitForRun(runPath: string, pauseMs: number): Promise<void>;
}

const START_MS = 60_000;
const RUN_MS = 20_000;

/**
 * Starts a scheduler with these jobs, whose files are written if they don't exist. Resolves when it is healthy and knows its last job.
 */
export const startScheduler = async (
  scheduler: Scheduler,
  { dir, jobs }: { readonly dir: string; readonly jobs: readonly BenchJob[] },
): Promise<RunningScheduler> => {
  const jobsDir = join(dir, "jobs");
  mkdirSync(jobsDir, { recursive: true });
  for (const job of jobs) {
    const path = join(jobsDir, `${job.id}.yaml`);
    if (!existsSync(path)) writeFileSync(path, scheduler.jobFile(job));
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = Bun.spawn([scheduler.executable, ...scheduler.args({ jobsDir, dir, port })], {
    env: { ...process.env, ...scheduler.environment(dir) },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.exited;
  };
  const lastPath = scheduler.jobPath(jobs.at(-1)?.id ?? "");
  const isReady = async (): Promise<boolean> =>
    (await isOk(url + scheduler.healthPath)) && (lastPath === null || (await isOk(url + lastPath)));
  const deadline = performance.now() + START_MS;
  while (!(await isReady())) {
    if (performance.now() > deadline || child.exitCode !== null) {
      await stop();
      throw new Error(`${scheduler.name} did not start`);
    }
    await Bun.sleep(2);
  }
  return {
    scheduler,
    pid: child.pid,
    get cpuMs() {
      return cpuWithChildrenMs(child.pid);
    },
    trigger: async (jobId) => {
      for (;;) {
        const response = await fetch(url + scheduler.triggerPath(jobId), TRIGGER);
        if (response.ok) return scheduler.runPath(jobId, (await response.json()) as Answer);
        const text = await response.text();
        // A build of petit may be healthy before its start has ended.
        if (response.status !== STARTING || performance.now() > deadline)
          throw new Error(`${scheduler.name} answered ${response.status}: ${text}`);
        await Bun.sleep(2);
      }
    },
    waitForRun: async (runPath, pauseMs) => {
      const deadline = performance.now() + RUN_MS;
      for (;;) {
        if (performance.now() > deadline) throw new Error(`a run of ${scheduler.name} did not end`);
        const response = await fetch(url + runPath);
        const status = response.ok ? scheduler.statusOf((await response.json()) as Answer) : null;
        if (status === scheduler.completed) return;
        if (status === "failed" || status === "cancelled")
          throw new Error(`a run of ${scheduler.name} ended as ${status}`);
        if (pauseMs > 0) await Bun.sleep(pauseMs);
      }
    },
    [Symbol.asyncDispose]: stop,
  };
};

const STARTING = 503;

const TRIGGER = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" } as const;

const isOk = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
