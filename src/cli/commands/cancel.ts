import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { writeReply } from "../client/reply.ts";
import { defineCommand } from "../command.ts";

export const cancel = defineCommand({
  name: "cancel",
  summary: "Cancel a run",
  description: "Ends running tasks and skips waiting tasks. Clean-up tasks still run; a second cancel ends those too.",
  args: { RUN: { type: "positional", required: true, description: RUN_HELP } },
  settings: [],
  examples: ["petit cancel 9a7e4f60", "petit cancel data_pipeline"],
  run: async ({ RUN }, context) => {
    const client = openClient(context);
    const params = { run_id: await findRun(client, RUN, context) };
    return writeReply(await client.post("/api/runs/:run_id/cancel", { params }), context);
  },
});
