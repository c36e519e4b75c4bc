import { openClient, writeReply } from "../../client/client.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { patienceOf, RECONNECT } from "../../client/reconnect.ts";
import { defineCommand } from "../../command.ts";
import { watchRemoteRun } from "../../trigger/watch-remote.ts";

export const cancel = defineCommand({
  name: "cancel",
  summary: "Cancel a run",
  description:
    "Ends running tasks and skips waiting tasks. Clean-up tasks still run; a second cancel ends those too. With --wait, the exit " +
    "status is 0 when the run has ended, whatever its outcome; Ctrl-C stops only the waiting.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    wait: { type: "boolean", description: "Wait until the run has ended, clean-up tasks included." },
    ...RECONNECT,
  },
  settings: [],
  examples: ["petit cancel 9a7e4f60", "petit cancel data_pipeline", "petit cancel data_pipeline --wait"],
  run: async ({ RUN, wait = false, reconnect }, context) => {
    const patienceMs = patienceOf(reconnect);
    const client = openClient(context);
    const runId = await findRun(client, RUN, context);
    const reply = await client.post("/api/runs/:run_id/cancel", { params: { run_id: runId } });
    if (!wait) return writeReply(reply, context);
    if (!context.json) context.terminal.err.write(`${reply.message}\n`);
    return await watchRemoteRun(client, { runId, output: false, patienceMs, wanted: "end" }, context);
  },
});
