import { openClient } from "../client/client.ts";
import { writeReply } from "../client/reply.ts";
import { defineCommand } from "../command.ts";

export const pause = defineCommand({
  name: "pause",
  summary: "Pause all schedules",
  description:
    "Pauses all schedules until 'petit resume', even across restarts. Occurrences during the pause are skipped. Manual " +
    "triggers still work.",
  args: {},
  settings: [],
  examples: ["petit pause"],
  run: async (_, context) => writeReply(await openClient(context).post("/api/scheduler/pause"), context),
});
