import type { Client } from "../../client/client.ts";
import { ToolError } from "../tool-error.ts";

const FULL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ID_PART = /^[0-9a-f-]{4,36}$/i;
const LISTED = 5;

/** Returns the id of a run, which may be given by its beginning or end. Throws a `ToolError` if it is not one run. */
export const findRunId = async (client: Client, given: string): Promise<string> => {
  if (FULL_ID.test(given)) return given.toLowerCase();
  if (!ID_PART.test(given))
    throw new ToolError(`'${given.slice(0, 100)}' is not the id of a run; list_runs has the ids`);
  const { runs } = await client.get("/api/runs", { query: { id: given, limit: LISTED + 1 } });
  const [found, another] = runs;
  if (found === undefined) throw new ToolError(`no run has an id like '${given}'; list_runs has the ids`);
  if (another === undefined) return found.id;
  const ids = runs.slice(0, LISTED).map(({ id, job_id }) => `${id} (${job_id})`);
  throw new ToolError(`'${given}' is part of several ids: ${ids.join(", ")}; give the whole id`);
};
