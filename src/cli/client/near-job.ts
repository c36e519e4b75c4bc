import { suggest } from "../../lib/suggest.ts";
import type { Client } from "./client.ts";

/** `; did you mean 'hello'?`, of the jobs that petit knows; empty where none is near. */
export const nearJob = async (client: Client, word: string): Promise<string> => {
  const { jobs } = await client.get("/api/jobs");
  const near = suggest(
    word,
    jobs.map(({ id }) => id),
  );
  return near === null ? "" : `; did you mean '${near}'?`;
};
