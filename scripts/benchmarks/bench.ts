import { measureBusyApi } from "./busy-api.ts";
import { measureDashboard } from "./dashboard.ts";
import { measureEvents } from "./events.ts";
import { measureExecutable } from "./executable.ts";
import { measureFollow } from "./follow.ts";
import { measureGetJob } from "./get-job.ts";
import { measureIdle } from "./idle.ts";
import { measureLateness } from "./lateness.ts";
import { measureMillion } from "./million.ts";
import { measureRuns } from "./runs.ts";
import { measureStart } from "./start.ts";
import { header, line, type Row } from "./table.ts";
import { measureTrigger } from "./trigger.ts";
import { measureValidate } from "./validate.ts";
import { measureWebLog } from "./web-log.ts";
import { cleanUp } from "./workspace.ts";

type Benchmark = { readonly about: string; readonly isSlow: boolean; readonly measure: () => Promise<readonly Row[]> };

/** The benchmarks by name, in the order of the table. `--quick` omits those with a slow setup. */
const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  runs: { about: "runs of one task per second, compared with posix_spawn", isSlow: false, measure: measureRuns },
  trigger: { about: "response time of a trigger", isSlow: false, measure: measureTrigger },
  executable: {
    about: "start time of the executable, compared with an empty one",
    isSlow: false,
    measure: measureExecutable,
  },
  start: { about: "time from exec to healthy, and memory", isSlow: false, measure: measureStart },
  "get-job": { about: "GET /api/jobs/{id}, compared with Bun.serve alone", isSlow: false, measure: measureGetJob },
  validate: { about: "CPU time to validate 1,000 files", isSlow: false, measure: measureValidate },
  follow: { about: "100,000 lines to 1 and to 50 followers of a log", isSlow: false, measure: measureFollow },
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
  idle: { about: "CPU time of 10,000 jobs, none due", isSlow: true, measure: measureIdle },
  dashboard: { about: "the dashboard with 1,000 jobs and 100,000 runs", isSlow: true, measure: measureDashboard },
  "web-log": {
    about: "the log view: 100,000 lines, and 1,000 live lines per second",
    isSlow: true,
    measure: measureWebLog,
  },
  million: { about: "queries and triggers with 1,000,000 stored runs", isSlow: true, measure: measureMillion },
};

const helpText = (): string =>
  [
    "scripts/bench [--quick] [NAME…]",
    "",
    ...Object.entries(BENCHMARKS).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`),
    "  --quick    omit lateness, idle, dashboard, web-log and million",
  ].join("\n");

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
  const benchmarks = chooseBenchmarks(args);
  const startedAt = performance.now();
  console.log(header());
  for (const { measure } of benchmarks) for (const row of await measure()) console.log(line(row));
  console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s`);
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  cleanUp();
}
