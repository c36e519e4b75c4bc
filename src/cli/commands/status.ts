import type { RunBody } from "../../api/shapes/run.ts";
import type { TaskRunList } from "../../api/shapes/task.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { patienceOf, RECONNECT } from "../client/reconnect.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { reasonText } from "../run-display/outcome.ts";
import { durationText, signOf, styleOf } from "../run-display/status-text.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { relativeText } from "../terminal/relative-time.ts";
import { type Column, columnTable } from "../terminal/table.ts";
import { paint } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { watchRemoteRun } from "../trigger/watch-remote.ts";

type ShownRun = typeof RunBody.static;
type ShownTask = (typeof TaskRunList.static)["tasks"][number];

export const status = defineCommand({
  name: "status",
  summary: "Show a run and its tasks",
  description:
    "Shows a run of the running petit with its tasks. --json writes the run with its `tasks`. The exit status is 0 whatever " +
    "the run's outcome. With --follow, it is 0 if the run completed, else 1.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    follow: { type: "boolean", alias: "f", description: "Show the run live, with its output, until it ends." },
    ...RECONNECT,
  },
  settings: [],
  examples: ["petit status 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", "petit status data_pipeline --follow"],
  run: async ({ RUN, follow, reconnect }, context) => {
    const patienceMs = patienceOf(reconnect);
    const client = openClient(context);
    const params = { run_id: await findRun(client, RUN, follow ? context : null) };
    if (follow) return watchRemoteRun(client, { runId: params.run_id, output: true, patienceMs }, context);
    const run = await client.get("/api/runs/:run_id", { params });
    const { tasks } = await client.get("/api/runs/:run_id/tasks", { params });
    const { out } = context.terminal;
    if (context.json) out.write(`${JSON.stringify({ ...run, tasks }, null, 2)}\n`);
    else out.write(`${runText(run, context)}\n${taskTable(tasks, context)}`);
    return EXIT.DONE;
  },
});

const runText = (run: ShownRun, context: Context): string => {
  const { out } = context.terminal;
  const rows: readonly (readonly [string, string])[] = [
    ["run", run.id],
    ["job", run.job_id],
    ["status", paint(out, styleOf(run.status), statusText(run, context))],
    ["reason", run.reason ?? ""],
    ["error", oneLine(run.error ?? "")],
    ["trigger", run.trigger],
    ["scheduled", run.scheduled_for === null ? "" : whenText(run.scheduled_for, context)],
    ["params", oneLine(paramText(run.params))],
    ["retry of", run.retry_of ?? ""],
    ["started", whenText(run.started_at, context)],
    ["ended", whenText(run.ended_at, context)],
    ["took", durationText(run.duration_ms)],
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(10)}${value}\n`)
    .join("");
};

const paramText = (params: ShownRun["params"]): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** Returns the status, with its sign on a terminal. */
const statusText = ({ status: word }: Pick<ShownRun | ShownTask, "status">, { terminal: { out } }: Context): string =>
  out.isTerminal ? `${signOf(word)} ${word}` : word;

/** Returns a time such as `2026-03-08 03:00:00 EDT`, on a terminal followed by how long ago it was. */
const whenText = (at: number | null, { terminal: { out }, settings, clock }: Context): string => {
  if (at === null) return "-";
  const absolute = readableLocal(at, defaultZone(settings));
  return out.isTerminal ? `${absolute} (${relativeText(at - clock.now())})` : absolute;
};

const taskTable = (tasks: readonly ShownTask[], context: Context): string =>
  columnTable(
    [
      { title: "TASK", cells: tasks.map(({ task_id }) => task_id), shrink: 5, min: 12 },
      {
        title: "STATUS",
        cells: tasks.map((task) => statusText(task, context)),
        style: (row) => styleOf(tasks[row]?.status ?? "pending"),
      },
      { title: "ATTEMPTS", cells: tasks.map(({ attempts }) => String(attempts)), drop: 2 },
      { title: "TOOK", cells: tasks.map((task) => taskTook(task, context)), drop: 3 },
      ...reasonColumns(tasks, context),
    ],
    context.terminal.out,
  );

/** On a terminal one column explains the outcome; otherwise reason and error are separate columns. */
const reasonColumns = (tasks: readonly ShownTask[], { terminal: { out } }: Context): readonly Column[] => {
  const errors = tasks.map(({ error }) => error ?? "-");
  if (!out.isTerminal)
    return [
      { title: "REASON", cells: tasks.map(({ reason }) => reason ?? "-") },
      { title: "ERROR", cells: errors },
    ];
  return [{ title: "REASON", cells: tasks.map((task) => reasonText(task)), shrink: 1, min: 14, drop: 4 }];
};

const taskTook = (task: ShownTask, { terminal: { out }, clock }: Context): string => {
  if (task.reused) return durationText(null);
  const since = out.isTerminal && task.status === "running" ? task.started_at : null;
  return durationText(since === null ? task.duration_ms : clock.now() - since);
};
