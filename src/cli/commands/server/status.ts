import { defaultZone } from "../../../app/settings/settings.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { noteJob } from "../../client/job-note.ts";
import { patienceOf, RECONNECT } from "../../client/reconnect.ts";
import { readRun } from "../../client/run-snapshot.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { FEW_TASKS } from "../../run-display/frame.ts";
import { overviewJson, readOverview } from "../../status/overview-data.ts";
import { overviewText } from "../../status/overview-text.ts";
import { runStatusText } from "../../status/run-status.ts";
import { watchOverview } from "../../status/watch.ts";
import { watchRemoteRun } from "../../trigger/watch-remote.ts";

export const status = defineCommand({
  name: "status",
  summary: "Show what needs attention, or a run and its tasks",
  description:
    "Without RUN, shows what needs attention in the running petit, what runs and what comes next. With RUN, shows that run and its " +
    "tasks; of a run that failed, it ends with the last error lines. --json writes the overview, or the run with its `tasks`. The " +
    "exit status is 0 whatever the outcome of a run. With --follow, it is 0 if the run completed, else 1.",
  args: {
    RUN: { type: "positional", required: false, description: RUN_HELP },
    follow: { type: "boolean", alias: "f", description: "Show the run live, with its output, until it ends." },
    watch: {
      type: "boolean",
      alias: "w",
      description: "Without RUN, show the overview again whenever something changes, until Ctrl-C.",
    },
    all: {
      type: "boolean",
      description: `List everything. A terminal lists as many rows of each part as fit, at most 10, and of more than ${FEW_TASKS} tasks those that run or failed.`,
    },
    ...RECONNECT,
  },
  settings: ["timezone"],
  examples: ["petit status", "petit status --watch", "petit status 9a7e4f60", "petit status data_pipeline --follow"],
  run: async ({ RUN, follow = false, watch = false, all = false, reconnect }, context) => {
    const patienceMs = patienceOf(reconnect);
    if (RUN === undefined) {
      if (follow) throw usageError("--follow needs a RUN", "'petit status --watch'", "petit status");
      return showOverview({ watch, all }, context);
    }
    if (watch) throw usageError("--watch shows no RUN", `'petit status ${RUN} --follow'`, "petit status");
    const client = openClient(context);
    const runId = await findRun(client, RUN, follow ? context : null);
    if (follow) return watchRemoteRun(client, { runId, output: true, patienceMs, wanted: "completion" }, context);
    await noteJob(client, RUN, context);
    const snapshot = await readRun(client, runId);
    const { out } = context.terminal;
    if (context.json) out.write(`${JSON.stringify({ ...snapshot.run, tasks: snapshot.tasks }, null, 2)}\n`);
    else out.write(await runStatusText(client, { snapshot, all }, context));
    return EXIT.DONE;
  },
});

type OverviewFlags = { readonly watch: boolean; readonly all: boolean };

const showOverview = async ({ watch, all }: OverviewFlags, context: Context): Promise<ExitStatus> => {
  const { terminal, clock, settings, json } = context;
  const client = openClient(context);
  const [screen, zone, { base }] = [terminal.out, defaultZone(settings), client];
  if (watch) return watchOverview(client, { screen, zone, base, all }, context);
  const overview = await readOverview(client);
  if (json) terminal.out.write(`${JSON.stringify(overviewJson(overview), null, 2)}\n`);
  else terminal.out.write(overviewText(overview, { screen, zone, base, all, now: clock.now() }));
  return EXIT.DONE;
};
