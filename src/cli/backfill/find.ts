import type { Client } from "../../client/client.ts";
import { PetitError } from "../../domain/errors.ts";

/** How many of the newest backfills a part of an id is looked for in. */
const SEARCHED = 1_000;

/** Returns the id of the backfill that a full id, or its end as lists show it, names. */
export const findBackfill = async (client: Client, text: string): Promise<string> => {
  const part = text.replace(/^…/, "").toLowerCase();
  if (!/^[0-9a-f-]{4,35}$/.test(part)) return part;
  const { backfills } = await client.get("/api/backfills", { query: { limit: SEARCHED } });
  const matching = backfills.filter(({ id }) => id.endsWith(part) || id.startsWith(part));
  const [first] = matching;
  if (first === undefined) return part;
  if (matching.length === 1) return first.id;
  throw new PetitError("invalid_request", `'${part}' is a part of the ids of ${matching.length} backfills`);
};
