import { openClient } from "../client/client.ts";
import { writeReply } from "../client/reply.ts";
import { defineCommand } from "../command.ts";

export const resume = defineCommand({
  name: "resume",
  summary: "Resume all schedules after a pause",
  description:
    "Resumes the schedules with their next occurrence. Occurrences that were skipped during the pause don't run.",
  args: {},
  settings: [],
  examples: ["petit resume"],
  run: async (_, context) => writeReply(await openClient(context).post("/api/scheduler/resume"), context),
});
