import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { patienceOf, RECONNECT } from "../client/reconnect.ts";
import { readRun } from "../client/run-snapshot.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { FEW_TASKS } from "../run-display/frame.ts";
import { runStatusText } from "../status/run-status.ts";
import { watchRemoteRun } from "../trigger/watch-remote.ts";

export const status = defineCommand({
  name: "status",
  summary: "Show a run and its tasks",
  description:
    "Shows a run of the running petit with its tasks. --json writes the run with its `tasks`. The exit status is 0 whatever " +
    "the run's outcome. With --follow, it is 0 if the run completed, else 1.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    follow: { type: "boolean", alias: "f", description: "Show the run live, with its output, until it ends." },
    all: {
      type: "boolean",
      description: `List all tasks; a terminal lists more than ${FEW_TASKS} only if they run or failed.`,
    },
    ...RECONNECT,
  },
  settings: [],
  examples: ["petit status 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", "petit status data_pipeline --follow"],
  run: async ({ RUN, follow, all, reconnect }, context) => {
    const patienceMs = patienceOf(reconnect);
    const client = openClient(context);
    const runId = await findRun(client, RUN, follow ? context : null);
    if (follow) return watchRemoteRun(client, { runId, output: true, patienceMs }, context);
    const snapshot = await readRun(client, runId);
    const { out } = context.terminal;
    if (context.json) out.write(`${JSON.stringify({ ...snapshot.run, tasks: snapshot.tasks }, null, 2)}\n`);
    else out.write(await runStatusText(client, { snapshot, all: all === true }, context));
    return EXIT.DONE;
  },
});
