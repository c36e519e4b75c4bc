import type { Client } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import { isName } from "../../domain/ids.ts";
import type { Context } from "../command.ts";

/** Writes to stderr if the job has another id now, or if no job file defines it any more. Does nothing if `name` is not the name of a job. */
export const noteJob = async (client: Client, name: string, context: Context): Promise<void> => {
  if (!isName(name)) return;
  try {
    const job = await client.get("/api/jobs/:job_id", { params: { job_id: name } });
    noteNewId(name, job.id, context);
    if (job.gone) context.terminal.err.write(`job '${job.id}' is gone: no job file defines it any more\n`);
  } catch (error) {
    if (!isRefused(error, "NOT_FOUND")) throw error;
  }
};

/** Writes to stderr if the job that `name` finds has another id now. */
export const noteNewId = (name: string, id: string, { terminal: { err } }: Context): void => {
  if (id !== name) err.write(`job '${name}' is called '${id}' now\n`);
};
