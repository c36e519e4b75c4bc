import type { Client } from "../../client/client.ts";
import { usageError } from "../argv.ts";
import { openClient } from "../client/client.ts";
import { noteNewId } from "../client/job-note.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT, type ExitStatus, Failure } from "../exit.ts";
import { readCount } from "../flag-values.ts";
import { paint } from "../terminal/terminal.ts";
import { comparisonLines, historyTable } from "../versions/display.ts";

const LIMIT = { flag: "--limit", max: 1000 };
const DEFAULT_LIMIT = 20;

export const jobs = defineCommand({
  name: "jobs",
  summary: "List the versions of a job, and what differs between two",
  description:
    "'history' lists when which version of a job's definition was in use, newest first: since when, until when, why the running petit read the file " +
    "then, and how many runs used it. A definition that returns is its earlier version again. With --diff it prints what differs between two versions, " +
    "field by field and as text.",
  usage: ["petit jobs history JOB", "petit jobs history JOB --diff VERSION [VERSION]"],
  choices: ["history"],
  args: {
    ACTION: { type: "positional", required: true, description: "'history'." },
    JOB: { type: "positional", required: true, description: "Id of the job, which may be gone." },
    VERSION: {
      type: "positional",
      required: false,
      description: "With --diff: the version to compare with. [default: the current one]",
    },
    diff: {
      type: "string",
      valueHint: "VERSION",
      description:
        "Compare this version with another one: its digest, 4 or more characters from the beginning of that, or its number.",
    },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of versions, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit jobs history data_pipeline",
    "petit jobs history data_pipeline --diff 3f9a1c20",
    "petit jobs history data_pipeline --diff 1 2",
  ],
  run: async ({ JOB: jobId, VERSION: other, diff, limit }, context) => {
    const client = openClient(context);
    if (diff !== undefined) return await compare(client, { jobId, before: diff, after: other ?? null }, context);
    if (other !== undefined) throw usageError(`VERSION '${other}' needs --diff`, null, "petit jobs");
    return await list(client, { jobId, limit: readCount(limit, LIMIT) ?? DEFAULT_LIMIT }, context);
  },
});

type ListOptions = { readonly jobId: string; readonly limit: number };

const list = async (client: Client, { jobId, limit }: ListOptions, context: Context): Promise<ExitStatus> => {
  const { out, err } = context.terminal;
  const params = { job_id: jobId };
  const found = await client.get("/api/jobs/:job_id/versions", { params, query: { limit } });
  if (context.json) {
    out.write(`${JSON.stringify(found, null, 2)}\n`);
    return EXIT.DONE;
  }
  const job = await client.get("/api/jobs/:job_id", { params });
  noteNewId(jobId, job.id, context);
  if (job.gone) err.write(`job '${job.id}' is gone: no job file defines it any more\n`);
  out.write(historyTable(found.versions, context));
  if (!out.isTerminal) return EXIT.DONE;
  if (found.count === limit) err.write(paint(err, "dim", `older versions: --limit ${LIMIT.max}\n`));
  err.write(
    paint(
      err,
      "dim",
      found.count < 2
        ? "the definition has not changed since petit stores it\n"
        : `what differs: petit jobs history ${job.id} --diff ${found.versions[1]?.version ?? 1} ${found.versions[0]?.version ?? 2}\n`,
    ),
  );
  return EXIT.DONE;
};

type CompareOptions = {
  readonly jobId: string;
  readonly before: string;
  /** Null: the current version. */
  readonly after: string | null;
};

const compare = async (
  client: Client,
  { jobId, before, after }: CompareOptions,
  context: Context,
): Promise<ExitStatus> => {
  const job = await client.get("/api/jobs/:job_id", { params: { job_id: jobId } });
  const version = after ?? job.digest;
  if (version === null) throw new Failure(EXIT.USAGE, `no version of job '${job.id}' is stored`);
  const detail = await client.get("/api/jobs/:job_id/versions/:version", {
    params: { job_id: job.id, version },
    query: { diff: before },
  });
  const { out } = context.terminal;
  noteNewId(jobId, job.id, context);
  out.write(context.json ? `${JSON.stringify(detail, null, 2)}\n` : comparisonLines(detail, context));
  return EXIT.DONE;
};
