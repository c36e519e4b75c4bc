import { openClient, writeReply } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";

export const resume = defineCommand({
  name: "resume",
  summary: "Resume all schedules after a pause, or that of one job",
  description:
    "Resumes the schedules with their next occurrence. Occurrences that were skipped during the pause don't run. A job that was " +
    "paused by itself stays paused until it is resumed by itself: 'petit resume JOB'.",
  args: { JOB: { type: "positional", required: false, description: "The id of a job that was paused by itself." } },
  settings: [],
  examples: ["petit resume", "petit resume data_pipeline"],
  run: async ({ JOB }, context) => {
    const client = openClient(context);
    const reply =
      JOB === undefined
        ? await client.post("/api/scheduler/resume")
        : await client.post("/api/jobs/:job_id/resume", { params: { job_id: JOB } });
    return writeReply(reply, context);
  },
});
