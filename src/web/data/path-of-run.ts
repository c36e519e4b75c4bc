import { petit } from "./client.ts";
import { SHORT_ID_LENGTH } from "./timeline.ts";

/** Returns the path of the run of a bar, or of the runs of its job if the run is gone. */
export const pathOfRun = async (jobId: string, runId: string): Promise<string> => {
  if (runId.length > SHORT_ID_LENGTH) return `/runs/${runId}`;
  const { runs } = await petit.get("/api/runs", { query: { job: jobId, id: runId, limit: 10 } });
  const run = runs.find(({ id }) => id.endsWith(runId));
  return run === undefined ? `/runs?job=${jobId}` : `/runs/${run.id}`;
};
