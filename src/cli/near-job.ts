import { suggest } from "../lib/suggest.ts";
import type { Client } from "./client.ts";
import { EXIT } from "./exit.ts";
import { Failure } from "./failure.ts";

/** `; did you mean 'hello'?`, of the jobs that petit knows; empty where none is near. */
export const nearJob = async (client: Client, word: string): Promise<string> => {
  const { jobs } = await client.get("/api/jobs");
  const near = suggest(
    word,
    jobs.map(({ id }) => id),
  );
  return near === null ? "" : `; did you mean '${near}'?`;
};

/** What `ask` is answered of a job; where there is no such job, throws a `Failure` with the nearest one. */
export const askOfJob = async <T>(client: Client, jobId: string, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "NOT_FOUND") throw error;
    throw new Failure(EXIT.USAGE, `${error.message}${await nearJob(client, jobId)}`);
  }
};
