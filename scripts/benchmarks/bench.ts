import { closeSharedBrowser } from "../../test/support/web/browser.ts";
import { measureBusyApi } from "./busy-api.ts";
import { measureCgroups } from "./cgroups.ts";
import { measureDashboard } from "./dashboard.ts";
import { measureEvents } from "./events.ts";
import { measureExecutable } from "./executable.ts";
import { measureFollow } from "./follow.ts";
import { measureGetJob } from "./get-job.ts";
import { measureIdle } from "./idle.ts";
import { measureIdleWorkers } from "./idle-workers.ts";
import { measureLateness } from "./lateness.ts";
import { measureMask } from "./mask.ts";
import { measureMillion } from "./million.ts";
import { measureRuns } from "./runs.ts";
import { compareSchedulers } from "./schedulers/compare.ts";
import { dagu, petitScheduler, rustPetit, type Scheduler } from "./schedulers/scheduler.ts";
import { measureSearch } from "./search.ts";
import { measureStart } from "./start.ts";
import { header, line, type Row } from "./table.ts";
import { measureTrigger } from "./trigger.ts";
import { measureValidate } from "./validate.ts";
import { measureWebLog } from "./web-log.ts";
import { measureWebhook } from "./webhook.ts";
import { measureWorkers } from "./workers.ts";
import { cleanUp } from "./workspace.ts";

type Benchmark = {
  readonly about: string;
  readonly isSlow: boolean;
  readonly measure: (options: SchedulerOptions) => Promise<readonly Row[]>;
};

/** What `schedulers` measures besides petit, and how long it lets all of them idle. */
type SchedulerOptions = { readonly others: readonly Scheduler[]; readonly idleMs: number };

/** Flags that name the executable of another scheduler, which `schedulers` measures too. */
const OTHERS: Readonly<Record<string, (executable: string) => Scheduler>> = {
  "--first": (executable) => petitScheduler("first", executable),
  "--before": (executable) => petitScheduler("before", executable),
  "--rust-petit": rustPetit,
  "--dagu": dagu,
};

/** The benchmarks by name, in the order of the table. `--quick` omits those with a slow setup. */
const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  schedulers: {
    about: "triggers, runs, tasks and due jobs, beside other schedulers",
    isSlow: true,
    measure: ({ others, idleMs }) => compareSchedulers(others, idleMs),
  },
  runs: { about: "runs of one task per second, compared with posix_spawn", isSlow: false, measure: measureRuns },
  cgroups: { about: "runs in cgroups, compared with runs in none", isSlow: true, measure: measureCgroups },
  trigger: { about: "response time of a trigger", isSlow: false, measure: measureTrigger },
  webhook: { about: "response time of a signed webhook beside a trigger", isSlow: false, measure: measureWebhook },
  executable: {
    about: "start time of the executable, compared with an empty one",
    isSlow: false,
    measure: measureExecutable,
  },
  start: {
    about: "time from exec until triggers are accepted, and memory when idle",
    isSlow: true,
    measure: measureStart,
  },
  "get-job": { about: "GET /api/jobs/{id}, compared with Bun.serve alone", isSlow: false, measure: measureGetJob },
  validate: { about: "CPU time to validate 1,000 files", isSlow: false, measure: measureValidate },
  follow: { about: "100,000 lines to 1 and to 50 followers of a log", isSlow: false, measure: measureFollow },
  mask: { about: "hiding secrets in 31 MB of output", isSlow: false, measure: measureMask },
  events: { about: "all events to 200 subscribers", isSlow: false, measure: measureEvents },
  "busy-api": {
    about: "response time of the API while 400 runs per second start",
    isSlow: false,
    measure: measureBusyApi,
  },
  lateness: {
    about: "lateness of occurrences, 10,000 jobs, 100 due per second",
    isSlow: true,
    measure: measureLateness,
  },
  idle: { about: "CPU time of 1,000 and 10,000 jobs, none due", isSlow: true, measure: measureIdle },
  dashboard: { about: "the dashboard with 1,000 jobs and 100,000 runs", isSlow: true, measure: measureDashboard },
  "web-log": {
    about: "the log view: 100,000 lines, and 1,000 live lines per second",
    isSlow: true,
    measure: measureWebLog,
  },
  workers: { about: "tasks on three workers, compared with local ones", isSlow: true, measure: measureWorkers },
  "idle-workers": { about: "CPU time and memory of idle workers", isSlow: true, measure: measureIdleWorkers },
  search: {
    about: "searches in 1 GB of output in 100,000 runs, and building their index",
    isSlow: true,
    measure: measureSearch,
  },
  million: { about: "queries and triggers with 1,000,000 stored runs", isSlow: true, measure: measureMillion },
};

const helpText = (): string =>
  [
    "scripts/bench [--quick] [--first PATH] [--before PATH] [--rust-petit PATH] [--dagu PATH] [--idle SECONDS] [NAME…]",
    "",
    ...Object.entries(BENCHMARKS).map(([name, { about }]) => `  ${name.padEnd(17)} ${about}`),
    `  --quick           omit ${slowNames().join(", ")}`,
    "  --first PATH      measure the first build of petit in 'schedulers'",
    "  --before PATH     measure an earlier build of petit in 'schedulers'",
    "  --rust-petit PATH measure the Rust petit 0.2 in 'schedulers'",
    "  --dagu PATH       measure Dagu 2 in 'schedulers'",
    `  --idle SECONDS    how long 'schedulers' waits before its last rows; default ${IDLE_SECONDS}`,
  ].join("\n");

const slowNames = (): readonly string[] =>
  Object.entries(BENCHMARKS).flatMap(([name, { isSlow }]) => (isSlow ? [name] : []));

const IDLE_SECONDS = 60;

/** Separates the flags of `schedulers` from the other arguments. */
const takeSchedulerOptions = (
  args: readonly string[],
): { readonly options: SchedulerOptions; readonly rest: string[] } => {
  const others: Scheduler[] = [];
  const rest: string[] = [];
  let idleSeconds = IDLE_SECONDS;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const make = OTHERS[arg];
    if (arg === "--idle") idleSeconds = Number(args[++index]);
    else if (make === undefined) rest.push(arg);
    else {
      const path = args[++index];
      if (path === undefined || Bun.which(path) === null) throw new Error(`${arg} expects the path of an executable`);
      others.push(make(path));
    }
  }
  if (!(idleSeconds > 0)) throw new Error("--idle expects a number of seconds");
  return { options: { others, idleMs: idleSeconds * 1000 }, rest };
};

const chooseBenchmarks = (args: readonly string[]): readonly Benchmark[] => {
  const names = args.filter((arg) => arg !== "--quick");
  const unknown = names.find((name) => !(name in BENCHMARKS));
  if (unknown !== undefined) throw new Error(`unknown benchmark '${unknown}'\n${helpText()}`);
  return Object.entries(BENCHMARKS)
    .filter(([name, { isSlow }]) => (names.length > 0 ? names.includes(name) : !(isSlow && args.includes("--quick"))))
    .map(([, measure]) => measure);
};

const main = async (args: readonly string[]): Promise<void> => {
  if (args.includes("--help") || args.includes("-h")) return console.log(helpText());
  const { options, rest } = takeSchedulerOptions(args);
  const benchmarks = chooseBenchmarks(rest);
  const startedAt = performance.now();
  console.log(header());
  for (const { measure } of benchmarks) for (const row of await measure(options)) console.log(line(row));
  console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s`);
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await closeSharedBrowser();
  cleanUp();
}
