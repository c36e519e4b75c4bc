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

type Measure = { readonly about: string; readonly isSlow: boolean; readonly measure: () => Promise<readonly Row[]> };

/** Each measure by its name, in the order of the table; `--quick` leaves out those that are slow to set up. */
const MEASURES: Readonly<Record<string, Measure>> = {
  runs: { about: "runs of one task a second, against raw posix_spawn", isSlow: false, measure: measureRuns },
  trigger: { about: "how long a trigger takes to answer", isSlow: false, measure: measureTrigger },
  executable: { about: "the executable against a bare one", isSlow: false, measure: measureExecutable },
  start: { about: "from exec to healthy, and the memory then", isSlow: false, measure: measureStart },
  "get-job": { about: "GET /api/jobs/{id} against a bare Bun.serve", isSlow: false, measure: measureGetJob },
  validate: { about: "CPU time to validate 1,000 files", isSlow: false, measure: measureValidate },
  follow: { about: "100,000 lines to 1 and to 50 who follow a log", isSlow: false, measure: measureFollow },
  events: { about: "every event to 200 subscribers", isSlow: false, measure: measureEvents },
  "busy-api": { about: "API answers while 4 runs start per 10 ms", isSlow: false, measure: measureBusyApi },
  lateness: {
    about: "lateness of firing, 10,000 jobs of which 100 are due a second",
    isSlow: true,
    measure: measureLateness,
  },
  idle: { about: "CPU time of 10,000 jobs of which none is due", isSlow: true, measure: measureIdle },
  dashboard: { about: "the dashboard over 1,000 jobs and 100,000 runs", isSlow: true, measure: measureDashboard },
  "web-log": { about: "the log view: 100,000 lines, and 1,000 a second live", isSlow: true, measure: measureWebLog },
  million: { about: "queries and triggers over 1,000,000 stored runs", isSlow: true, measure: measureMillion },
};

const help = (): string =>
  [
    "scripts/bench [--quick] [NAME…]",
    "",
    ...Object.entries(MEASURES).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`),
    "  --quick    without lateness, idle, dashboard, web-log and million",
  ].join("\n");

const chosen = (args: readonly string[]): readonly Measure[] => {
  const names = args.filter((arg) => arg !== "--quick");
  const unknown = names.find((name) => !(name in MEASURES));
  if (unknown !== undefined) throw new Error(`there is no measure '${unknown}'\n${help()}`);
  return Object.entries(MEASURES)
    .filter(([name, { isSlow }]) => (names.length > 0 ? names.includes(name) : !(isSlow && args.includes("--quick"))))
    .map(([, measure]) => measure);
};

const main = async (args: readonly string[]): Promise<void> => {
  if (args.includes("--help") || args.includes("-h")) return console.log(help());
  const measures = chosen(args);
  const startedAt = performance.now();
  console.log(header());
  for (const { measure } of measures) for (const row of await measure()) console.log(line(row));
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
