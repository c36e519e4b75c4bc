import type { RunBody } from "../api/run-shape.ts";
import type { TaskRunList } from "../api/task-shape.ts";
import { defaultZone } from "../app/settings.ts";
import { openClient, segment } from "./client.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { readableLocal } from "./local-time.ts";
import { STYLE_OF_STATUS, tookText } from "./run-words.ts";
import { table } from "./table.ts";
import { paint, type Screen } from "./terminal.ts";

export const status = defineCommand({
  name: "status",
  summary: "How a run and its tasks are doing",
  description: "Shows a run of the running petit with its tasks. With --json: the run, with its `tasks`.",
  args: { RUN: { type: "positional", required: true, description: "Id of the run." } },
  settings: [],
  examples: ["petit status 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60"],
  run: async ({ RUN }, context) => {
    const client = openClient(context);
    const path = `/api/runs/${segment(RUN)}`;
    const run = await client.get<typeof RunBody.static>(path);
    const { tasks } = await client.get<typeof TaskRunList.static>(`${path}/tasks`);
    const { out } = context.terminal;
    if (context.json) out.write(`${JSON.stringify({ ...run, tasks }, null, 2)}\n`);
    else out.write(`${runText(run, { zone: defaultZone(context.settings), out })}\n${taskTable(tasks, out)}`);
    return EXIT.DONE;
  },
});

const runText = (
  run: typeof RunBody.static,
  { zone, out }: { readonly zone: string; readonly out: Screen },
): string => {
  const when = (at: number | null): string => (at === null ? "-" : readableLocal(at, zone));
  const rows: readonly (readonly [string, string])[] = [
    ["run", run.id],
    ["job", run.job_id],
    ["status", paint(out, STYLE_OF_STATUS[run.status] ?? "bold", run.status)],
    ["reason", run.reason ?? ""],
    ["error", run.error ?? ""],
    ["trigger", run.trigger],
    ["scheduled", run.scheduled_for === null ? "" : when(run.scheduled_for)],
    [
      "params",
      Object.entries(run.params)
        .map(([name, value]) => `${name}=${value}`)
        .join(" "),
    ],
    ["retry of", run.retry_of ?? ""],
    ["started", when(run.started_at)],
    ["ended", when(run.ended_at)],
    ["took", tookText(run.duration_ms)],
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(10)}${value}\n`)
    .join("");
};

const taskTable = (tasks: (typeof TaskRunList.static)["tasks"], out: Screen): string =>
  table(
    ["TASK", "STATUS", "ATTEMPTS", "TOOK", "REASON", "ERROR"],
    tasks.map((task) => [
      task.task_id,
      task.status,
      String(task.attempts),
      tookText(task.duration_ms),
      task.reason ?? "-",
      task.error ?? "-",
    ]),
    out,
  );
