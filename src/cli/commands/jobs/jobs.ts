import type { Client } from "../../../client/client.ts";
import { ClientError } from "../../../client/error.ts";
import { assertNever } from "../../../lib/never.ts";
import { pluralize } from "../../../lib/text.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { noteNewId } from "../../client/job-note.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus, Failure } from "../../exit.ts";
import { readCount } from "../../flag-values.ts";
import { paint } from "../../terminal/terminal.ts";
import { DIFF_FORMATS, writeDiff } from "../../versions/commit-diff.ts";
import { comparisonLines, historyTable } from "../../versions/display.ts";
import { writeSource } from "../../versions/source.ts";

const LIMIT = { flag: "--limit", max: 1000 };
const DEFAULT_LIMIT = 20;

export const jobs = defineCommand({
  name: "jobs",
  summary: "List the versions of a job, and choose the commit of the job files",
  description:
    "'history' lists when which version of a job's definition was in use, newest first: since when, until when, why the running petit read the file " +
    "then, and how many runs used it. A definition that returns is its earlier version again. With --diff it prints what differs between two versions, " +
    "field by field and as text. With job files in a git repository, 'source' prints which commit is in use, 'sync' fetches now, 'pin' uses a " +
    "commit and stays with it, and 'follow' uses the newest commit again. They exit with 1 if a commit has problems or the repository can't be read. " +
    "'sync' waits until the commit that it fetched is in use or refused: 10 s at most, and then exits with 1 while petit goes on, or with --wait as long as " +
    "petit waits for the server, at most 6 minutes for each fetch. " +
    "'diff' prints what a commit would change of the jobs that run: jobs added, removed and changed, field by field, and the next five occurrences " +
    "before and after where a schedule changes, with words about how they move. It exits with 0 if nothing changes, 1 if something does, and 2 if the commit has problems.",
  usage: [
    "petit jobs history JOB",
    "petit jobs history JOB --diff VERSION [VERSION]",
    "petit jobs source",
    "petit jobs sync [--wait]",
    "petit jobs pin COMMIT",
    "petit jobs follow",
    "petit jobs diff [REF] [--format FORMAT]",
  ],
  choices: ["history", "source", "sync", "pin", "follow", "diff"],
  args: {
    ACTION: {
      type: "positional",
      required: true,
      description: "'history', 'source', 'sync', 'pin', 'follow' or 'diff'.",
    },
    "JOB|COMMIT|REF": {
      type: "positional",
      required: false,
      description:
        "With 'history': id of the job, which may be gone. With 'pin': the commit, or 4 or more characters from its beginning. With 'diff': a commit, a branch or a tag of the " +
        "repository. [default: the commit that is refused, or else the newest one]",
    },
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
    format: {
      type: "string",
      valueHint: DIFF_FORMATS.join("|"),
      description: "With 'diff': the form; markdown is for a comment on a pull request. [default: text]",
    },
    wait: { type: "boolean", description: "With 'sync': wait as long as the fetch takes." },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of versions, and of the times that each was in use, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit jobs history data_pipeline",
    "petit jobs history data_pipeline --diff 3f9a1c20",
    "petit jobs history data_pipeline --diff 1 2",
    "petit jobs sync --wait",
    "petit jobs pin 3f9a1c20",
    "petit jobs diff my-branch --format markdown",
  ],
  run: async (
    { ACTION: action, "JOB|COMMIT|REF": name, VERSION: other, diff, format, wait = false, limit },
    context,
  ) => {
    if (wait && action !== "sync") throw usageError("--wait needs 'sync'", null, "petit jobs");
    if (action === "diff") return await previewCommit(name ?? null, format, context);
    if (format !== undefined) throw usageError("--format needs 'diff'", null, "petit jobs");
    if (action !== "history") return await changeSource(action, { commit: name, wait }, context);
    if (name === undefined) throw usageError("JOB is missing", null, "petit jobs history");
    const jobId = name;
    const client = openClient(context);
    if (diff !== undefined) return await compare(client, { jobId, before: diff, after: other ?? null }, context);
    if (other !== undefined) throw usageError(`VERSION '${other}' needs --diff`, null, "petit jobs");
    return await list(client, { jobId, limit: readCount(limit, LIMIT) ?? DEFAULT_LIMIT }, context);
  },
});

const SOURCE_ACTIONS = ["source", "sync", "pin", "follow"] as const;

/** How long petit can take for an answer that a server is asked for: for a fetch that is under way, its own, and the files, in ms. */
const SERVER_TIMEOUT_MS = 20 * 60_000;

/** How long `sync` waits without --wait, in ms. */
const SYNC_TIMEOUT_MS = 10_000;

type SourceOptions = { readonly commit: string | undefined; readonly wait: boolean };

const changeSource = async (word: string, { commit, wait }: SourceOptions, context: Context): Promise<ExitStatus> => {
  const action = SOURCE_ACTIONS.find((each) => each === word);
  if (action === undefined)
    throw usageError(
      `'${word}' is no action of petit jobs; expected history, source, sync, pin, follow or diff`,
      null,
      "petit jobs",
    );
  if ((action === "pin") !== (commit !== undefined))
    throw usageError(
      action === "pin" ? "COMMIT is missing" : `'${commit}' is too much: ${action} takes no argument`,
      null,
      `petit jobs ${action}`,
    );
  const client = openClient(context, { timeoutMs: SERVER_TIMEOUT_MS });
  switch (action) {
    case "source":
      return writeSource(await client.get("/api/job-repository"), context);
    case "sync":
      return writeSource(await (wait ? client.post("/api/jobs/sync") : syncSoon(context)), context);
    case "pin":
      return writeSource(await client.post("/api/jobs/pin", { body: { commit: commit ?? "" } }), context);
    case "follow":
      return writeSource(await client.post("/api/jobs/follow"), context);
    default:
      return assertNever(action);
  }
};

const syncSoon = async (context: Context) => {
  try {
    return await openClient(context, { timeoutMs: SYNC_TIMEOUT_MS }).post("/api/jobs/sync");
  } catch (error) {
    if (!(error instanceof ClientError && error.failure.kind === "unreachable" && error.failure.why === "timeout"))
      throw error;
    const next = "'petit jobs source' says what became of it, and --wait waits for it";
    throw new Failure(EXIT.FAILED, `petit is still fetching; ${next}`, { cause: error });
  }
};

const previewCommit = async (ref: string | null, given: string | undefined, context: Context): Promise<ExitStatus> => {
  const format = DIFF_FORMATS.find((each) => each === (given ?? (context.json ? "json" : "text")));
  if (format === undefined)
    throw usageError(`--format is '${given}'; expected ${DIFF_FORMATS.join(", ")}`, null, "petit jobs diff");
  const query = ref === null ? {} : { ref };
  const client = openClient(context, { timeoutMs: SERVER_TIMEOUT_MS });
  return writeDiff(await client.get("/api/job-repository/diff", { query }), format, context);
};

type ListOptions = { readonly jobId: string; readonly limit: number };

const list = async (client: Client, { jobId, limit }: ListOptions, context: Context): Promise<ExitStatus> => {
  const { out, err } = context.terminal;
  const params = { job_id: jobId };
  const found = await client.get("/api/jobs/:job_id/versions", { params, query: { limit, uses: limit } });
  if (context.json) {
    out.write(`${JSON.stringify(found, null, 2)}\n`);
    return EXIT.DONE;
  }
  const job = await client.get("/api/jobs/:job_id", { params });
  noteNewId(jobId, job.id, context);
  if (job.gone) err.write(`job '${job.id}' is gone: no job file defines it any more\n`);
  out.write(historyTable(found.versions, context));
  const left = found.versions.reduce((sum, { uses, use_count }) => sum + use_count - uses.length, 0);
  if (left > 0)
    err.write(
      paint(err, "dim", `${pluralize(left, "earlier time")} that these versions were in use: --limit ${LIMIT.max}\n`),
    );
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
