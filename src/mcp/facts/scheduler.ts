import type { ToolContext } from "../tool.ts";

/** Returns a sentence if the scheduler as a whole is paused; else null. */
export const pauseText = async ({ client }: Pick<ToolContext, "client">): Promise<string | null> =>
  (await client.get("/api/scheduler/state")).is_paused
    ? "the scheduler is paused: no schedule starts runs until a person resumes it"
    : null;
