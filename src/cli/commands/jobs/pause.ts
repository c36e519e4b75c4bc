import { openClient, writeReply } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";

export const pause = defineCommand({
  name: "pause",
  summary: "Pause all schedules, or that of one job",
  description:
    "Pauses all schedules, or with JOB only that of one job, until 'petit resume', even across restarts. Occurrences during the " +
    "pause are skipped. Manual triggers still work.",
  args: {
    JOB: {
      type: "positional",
      required: false,
      description: "The id of the job; without it, all schedules are paused.",
    },
  },
  settings: [],
  examples: ["petit pause", "petit pause data_pipeline"],
  run: async ({ JOB }, context) => {
    const client = openClient(context);
    const reply =
      JOB === undefined
        ? await client.post("/api/scheduler/pause")
        : await client.post("/api/jobs/:job_id/pause", { params: { job_id: JOB } });
    return writeReply(reply, context);
  },
});
