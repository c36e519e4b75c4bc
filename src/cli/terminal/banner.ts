import { defaultZone } from "../../app/settings/settings.ts";
import type { Ready } from "../commands/run.ts";
import { summaryOf } from "../job-folder.ts";
import { counted } from "./counted.ts";
import { readableLocal } from "./local-time.ts";
import { paint } from "./terminal.ts";

/** What petit tells when it has started on a terminal. */
export const banner = (ready: Ready): string => {
  const { context, app } = ready;
  const { err } = context.terminal;
  const rows: readonly (readonly [string, string])[] = [
    ["jobs", jobsText(ready)],
    ["next", nextText(ready)],
    ["dashboard", app.url === null ? "off" : `${app.url}/`],
    ["database", context.settings.db],
    ["stop", "Ctrl-C"],
  ];
  const title = `${paint(err, "bold", `petit ${context.version}`)}\n`;
  return `${title}${rows.map(([name, text]) => `  ${paint(err, "dim", name.padEnd(10))}${text}\n`).join("")}`;
};

const jobsText = ({ app, jobsDir, jobFiles, context: { terminal } }: Ready): string => {
  const text = `${counted(app.engine.listJobs().length, "job")} from ${jobsDir}`;
  return jobFiles.problems.length === 0 ? text : `${text}, ${paint(terminal.err, "red", summaryOf(jobFiles))}`;
};

const nextText = ({ app, context }: Ready): string => {
  const coming = app.engine
    .listJobs()
    .flatMap(({ job, nextRunAt }) => (nextRunAt === null ? [] : [{ job, nextRunAt }]));
  const [first] = coming.sort((a, b) => a.nextRunAt - b.nextRunAt);
  if (first === undefined) return "no job has a schedule";
  const paused = app.engine.state === "paused" ? " (but paused: 'petit resume' ends that)" : "";
  return `${first.job.id} at ${readableLocal(first.nextRunAt, first.job.schedule?.timezone ?? defaultZone(context.settings))}${paused}`;
};
