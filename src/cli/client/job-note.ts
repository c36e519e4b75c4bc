import type { Client } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import { isName } from "../../domain/ids.ts";
import type { Context } from "../command.ts";

/** Writes to stderr if no job file defines the job any more. Does nothing if `name` is not the name of a job. */
export const noteJob = async (client: Client, name: string, { terminal: { err } }: Context): Promise<void> => {
  if (!isName(name)) return;
  try {
    const job = await client.get("/api/jobs/:job_id", { params: { job_id: name } });
    if (job.gone) err.write(`job '${job.id}' is gone: no job file defines it any more\n`);
  } catch (error) {
    if (!isRefused(error, "NOT_FOUND")) throw error;
  }
};
