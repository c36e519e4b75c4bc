import { isName } from "../../domain/ids.ts";
import type { Context } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import type { Client } from "./client.ts";
import { nearJob } from "./near-job.ts";

/** What the argument RUN may be. */
export const RUN_HELP =
  "Id of the run, or 6 characters or more of its beginning or end; a job, for its newest run; or 'latest'.";

const FULL = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PART = /^[0-9a-f-]{6,36}$/i;

/** Runs among which a part of an id is looked for: the newest. */
const LOOKED_AT = 1000;

/**
 * The id of the run that is meant. A part may be the end, which is random, or the beginning, which runs of one minute
 * share. Throws a `Failure` where none or several fit. A full id is taken as it is, without asking; else `context`, where
 * one is given, has it told which run it is.
 */
export const findRun = async (client: Client, text: string, context: Context | null): Promise<string> => {
  if (FULL.test(text)) return text.toLowerCase();
  // As `petit runs` shortens it.
  const short = text.replace(/^…/, "");
  const found = (await ofJob(client, short)) ?? (await byPart(client, short)) ?? (await latest(client, short));
  if (found === null) throw await noRun(client, text);
  context?.terminal.err.write(`run ${found.id} of ${found.job_id}\n`);
  return found.id;
};

type Found = { readonly id: string; readonly job_id: string; readonly created_at: number; readonly status: string };

const ofJob = async (client: Client, jobId: string): Promise<Found | null> => {
  if (!isName(jobId)) return null;
  try {
    const { runs } = await client.get("/api/jobs/:job_id/runs", { params: { job_id: jobId }, query: { limit: 1 } });
    if (runs[0] !== undefined) return runs[0];
  } catch (error) {
    if (error instanceof Failure && error.code === "NOT_FOUND") return null;
    throw error;
  }
  throw new Failure(EXIT.USAGE, `job '${jobId}' has never run`);
};

const byPart = async (client: Client, part: string): Promise<Found | null> => {
  if (!PART.test(part)) return null;
  const { runs } = await client.get("/api/runs", { query: { limit: LOOKED_AT } });
  const sought = part.toLowerCase();
  const fitting = runs.filter(({ id }) => id.startsWith(sought) || id.endsWith(sought));
  if (fitting.length < 2) return fitting[0] ?? null;
  const lines = fitting.slice(0, 5).map((run) => `  ${run.id}  ${run.job_id}, ${run.status}\n`);
  const more = fitting.length > 5 ? `  … ${fitting.length - 5} more\n` : "";
  throw new Failure(
    EXIT.USAGE,
    `'${part}' is a part of ${fitting.length} runs' ids:\n${lines.join("")}${more}`.trimEnd(),
  );
};

const latest = async (client: Client, word: string): Promise<Found | null> => {
  if (word !== "latest") return null;
  const { runs } = await client.get("/api/runs", { query: { limit: 1 } });
  if (runs[0] !== undefined) return runs[0];
  throw new Failure(EXIT.USAGE, "nothing has run yet");
};

const noRun = async (client: Client, text: string): Promise<Failure> => {
  const near = await nearJob(client, text);
  const expected = "expected an id, or 6 characters or more of its beginning or end, or a job, or 'latest'";
  return new Failure(EXIT.USAGE, `no run '${text}'${near === "" ? `; ${expected}` : near}`);
};
