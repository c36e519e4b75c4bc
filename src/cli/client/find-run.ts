import type { Client } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import { isName } from "../../domain/ids.ts";
import { suggest } from "../../lib/suggest.ts";
import type { Context } from "../command.ts";
import { EXIT, Failure } from "../exit.ts";
import { runName } from "../run-display/short-id.ts";
import { noteJob } from "./job-note.ts";

/** Help of the argument RUN. */
export const RUN_HELP =
  "Id of the run, or 4 or more characters from its beginning or end; a job, for its newest run; or 'latest'.";

const FULL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ID_PART = /^[0-9a-f-]{4,36}$/i;

/** Runs that match a part of an id are counted up to this number. */
const COUNTED_RUNS = 1000;

/** Maximum number of runs that are listed for an ambiguous part of an id. */
const LISTED_RUNS = 5;

/**
 * Returns the id of the run that `text` names. The end of an id is random; runs of the same minute share its beginning. A
 * full id is returned without a request; otherwise the id is written to stderr if there is a `context`. Throws a `Failure`
 * if no run or several runs match.
 */
export const findRun = async (client: Client, text: string, context: Context | null): Promise<string> => {
  if (FULL_ID.test(text)) return text.toLowerCase();
  const part = text.replace(/^…/, "");
  const ofJob = await newestOfJob(client, part);
  if (ofJob !== null && context !== null) await noteJob(client, part, context);
  const run = ofJob ?? (await findByPart(client, part)) ?? (await latestRun(client, part));
  if (run === null) throw await noRun(client, text);
  const err = context?.terminal.err;
  err?.write(`run ${runName(run.id, err)} of ${run.job_id}\n`);
  return run.id;
};

type MatchingRun = { readonly id: string; readonly job_id: string; readonly status: string };

const newestOfJob = async (client: Client, jobId: string): Promise<MatchingRun | null> => {
  if (!isName(jobId)) return null;
  try {
    const { runs } = await client.get("/api/jobs/:job_id/runs", { params: { job_id: jobId }, query: { limit: 1 } });
    if (runs[0] !== undefined) return runs[0];
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return null;
    throw error;
  }
  throw new Failure(EXIT.USAGE, `job '${jobId}' has never run`);
};

const findByPart = async (client: Client, part: string): Promise<MatchingRun | null> => {
  if (!ID_PART.test(part)) return null;
  const { runs: matching } = await client.get("/api/runs", { query: { id: part, limit: COUNTED_RUNS } });
  if (matching.length < 2) return matching[0] ?? null;
  const lines = matching.slice(0, LISTED_RUNS).map((run) => `  ${run.id}  ${run.job_id}, ${run.status}\n`);
  const more = matching.length > LISTED_RUNS ? "  …\n" : "";
  const count = matching.length < COUNTED_RUNS ? String(matching.length) : `${matching.length} or more`;
  const problem = `'${part}' is a part of the ids of ${count} runs`;
  throw new Failure(EXIT.USAGE, `${problem}:\n${lines.join("")}${more}`.trimEnd());
};

const latestRun = async (client: Client, word: string): Promise<MatchingRun | null> => {
  if (word !== "latest") return null;
  const { runs } = await client.get("/api/runs", { query: { limit: 1 } });
  if (runs[0] !== undefined) return runs[0];
  throw new Failure(EXIT.USAGE, "nothing has run yet");
};

const noRun = async (client: Client, text: string): Promise<Failure> => {
  const [today, gone] = await Promise.all([
    client.get("/api/jobs"),
    client.get("/api/jobs", { query: { gone: true } }),
  ]);
  const similar = suggest(
    text,
    [...today.jobs, ...gone.jobs].map(({ id }) => id),
  );
  const expected = "expected 4 or more characters from the beginning or end of an id, a job, or 'latest'";
  return new Failure(EXIT.USAGE, `no run '${text}'; ${similar === null ? expected : `did you mean '${similar}'?`}`);
};
