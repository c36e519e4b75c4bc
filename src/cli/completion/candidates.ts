import { loadConfigFile } from "../../app/settings/config-file.ts";
import { resolveSettings } from "../../app/settings/resolve.ts";
import type { Client } from "../../client/client.ts";
import { EXISTING_RULES } from "../../domain/backfill/backfill.ts";
import { isName, parseRunId } from "../../domain/ids.ts";
import { RUN_STATUSES } from "../../domain/run.ts";
import { roughlyText } from "../../domain/words/duration.ts";
import { EXISTING_TEXT } from "../../domain/words/schedule/backfill.ts";
import { shortDigest } from "../../domain/words/versions/version.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { openClient } from "../client/client.ts";
import { findRun } from "../client/find-run.ts";
import type { Context } from "../command.ts";
import { flagsOfSettings } from "../flags.ts";
import { readJobs } from "../job-folder.ts";
import { shortIds } from "../run-display/short-id.ts";
import type { CompletionTarget } from "./target.ts";

/** A value that completes a word, and what it is. */
export type Candidate = { readonly value: string; readonly text: string };

/** A key press must not wait longer than this for petit, in ms. */
const TIMEOUT_MS = 2_000;

/** Number of the newest runs that are offered. */
const OFFERED_RUNS = 20;
/** petit finds runs by this many characters of an id, however old they are. */
const FINDABLE = 4;

/**
 * Returns the values that complete an argument: jobs, runs and tasks of the running petit, jobs of a folder, and words of a
 * fixed set. Values come from files and from a server, so that anything that is not a plain id is left out: a shell would
 * expand it.
 */
export const findCandidates = async (target: CompletionTarget, context: Context): Promise<readonly Candidate[]> => {
  const candidates = await candidatesFor(target, context);
  return candidates.filter(({ value }) => value.startsWith(target.written) && /^[\w./-]+=?$/.test(value));
};

const candidatesFor = async (target: CompletionTarget, context: Context): Promise<readonly Candidate[]> => {
  const { command, name, written, before } = target;
  const client = (): Client => clientOf(target, context);
  switch (name) {
    case "RUN":
    case "--before":
      return listRuns(client(), written, context);
    case "JOB":
      if (OF_PAST_JOBS.has(command.name)) return listAllJobs(client());
      return before.has("JOBS_DIR") || before.has("JOBS_DIR|JOB")
        ? jobsOfFolder(before.get("JOBS_DIR") ?? before.get("JOBS_DIR|JOB") ?? "")
        : listJobs(client());
    case "ENTRY|JOB":
      return listAttentionJobs(client());
    case "JOB|ACTION":
    case "JOBS_DIR|JOB":
      return listJobs(client());
    case "VERSION":
    case "--diff":
      return listVersions(client(), before.get("JOB"));
    case "TASK":
    case "--task":
      return listTasks(client(), before.get("RUN"));
    case "NAME":
      return CHANGES.has(before.get("ACTION") ?? "") ? listWorkers(client()) : [];
    case "PATH":
      return listArtifacts(client(), before);
    case "--param":
      return listParams(client(), before);
    case "--status":
      return RUN_STATUSES.map((value) => ({ value, text: "" }));
    case "BACKFILL":
    case "--backfill":
      return listBackfills(client());
    case "--existing":
      return EXISTING_RULES.map((value) => ({ value, text: EXISTING_TEXT[value] }));
    case "--stream":
      return ["stdout", "stderr"].map((value) => ({ value, text: "" }));
    default:
      return [];
  }
};

/** Returns a client with the settings of the line that is being completed, such as its --url. */
const clientOf = ({ command, flags }: CompletionTarget, { environment }: Context): Client => {
  const file = loadConfigFile({ path: flags.get("config")?.at(-1) ?? null, environment });
  const { settings, origins } = resolveSettings({ flags: flagsOfSettings(command, flags), environment, file });
  return openClient({ settings, origins, environment }, { timeoutMs: TIMEOUT_MS });
};

const listJobs = async (client: Client): Promise<readonly Candidate[]> => {
  const { jobs } = await client.get("/api/jobs");
  return jobs.filter(({ id }) => isName(id)).map(({ id, name }) => ({ value: id, text: name === id ? "job" : name }));
};

const listBackfills = async (client: Client): Promise<readonly Candidate[]> => {
  const { backfills } = await client.get("/api/backfills");
  const ids = shortIds(backfills.map(({ id }) => id));
  return backfills.map(({ job_id, status }, index) => ({ value: ids[index] ?? "", text: `${job_id}, ${status}` }));
};

const listVersions = async (client: Client, jobId: string | undefined): Promise<readonly Candidate[]> => {
  if (jobId === undefined) return [];
  const { versions } = await client.get("/api/jobs/:job_id/versions", { params: { job_id: jobId } });
  return versions.map(({ version, digest, current }) => ({
    value: String(version),
    text: `${shortDigest(digest)}${current ? ", current" : ""}`,
  }));
};

/** Returns the jobs that need attention. */
const listAttentionJobs = async (client: Client): Promise<readonly Candidate[]> => {
  const { items } = await client.get("/api/attention");
  const byJob = Map.groupBy(items, ({ job_id }) => job_id);
  return [...byJob].flatMap(([jobId, [first]]) =>
    jobId === null || first === undefined ? [] : [{ value: jobId, text: first.kind.replaceAll("_", " ") }],
  );
};

/** The commands that show jobs of the past too. */
const OF_PAST_JOBS: ReadonlySet<string> = new Set(["runs", "why", "jobs"]);

/** Returns also the jobs whose files are gone: their runs can still be named. */
const listAllJobs = async (client: Client): Promise<readonly Candidate[]> => {
  const [jobs, answer] = await Promise.all([listJobs(client), client.get("/api/jobs", { query: { gone: true } })]);
  const gone = answer.jobs.filter((job) => job.gone && isName(job.id));
  return [...jobs, ...gone.map(({ id }) => ({ value: id, text: "job without a file" }))];
};

/** The actions of `petit worker` that are about a worker that petit knows. */
const CHANGES: ReadonlySet<string> = new Set(["drain", "resume", "forget"]);

const listWorkers = async (client: Client): Promise<readonly Candidate[]> => {
  const { workers } = await client.get("/api/workers");
  return workers.map(({ name, state, labels }) => ({ value: name, text: [state, ...labels].join(" ") }));
};

const jobsOfFolder = async (dir: string): Promise<readonly Candidate[]> => {
  const { jobs } = await readJobs(dir);
  return jobs.map(({ id, name }) => ({ value: id, text: name === id ? "job" : name }));
};

/** A run is also named by its job, for the newest one, or by `latest`. */
const listRuns = async (client: Client, written: string, { clock }: Context): Promise<readonly Candidate[]> => {
  const isIdPart = /^[0-9a-f-]+$/i.test(written);
  const query = { limit: OFFERED_RUNS, ...(written.length < FINDABLE ? {} : { id: written }) };
  const [jobs, { runs }] = await Promise.all([
    listAllJobs(client),
    isIdPart || written === "" ? client.get("/api/runs", { query }) : { runs: [] },
  ]);
  const known = runs.filter(({ id }) => parseRunId(id) !== null);
  const short = shortIds(known.map(({ id }) => id));
  const ids = known.map((run, index) => {
    const value = short[index]?.startsWith(written) ? short[index] : run.id;
    return { value, text: `${run.job_id}, ${run.status}, ${roughlyText(run.created_at - clock.now())}` };
  });
  const newest = jobs.map(({ value }) => ({ value, text: "newest run of the job" }));
  return [{ value: "latest", text: "newest run" }, ...newest, ...ids];
};

const listTasks = async (client: Client, run: string | undefined): Promise<readonly Candidate[]> => {
  if (run === undefined) return [];
  const params = { run_id: await findRun(client, run, null) };
  const { tasks } = await client.get("/api/runs/:run_id/tasks", { params });
  return tasks
    .filter(({ task_id }) => isName(task_id))
    .map(({ task_id, status }) => ({ value: task_id, text: status }));
};

const listArtifacts = async (client: Client, before: CompletionTarget["before"]): Promise<readonly Candidate[]> => {
  const run = before.get("RUN");
  if (run === undefined) return [];
  const params = { run_id: await findRun(client, run, null) };
  const { artifacts } = await client.get("/api/runs/:run_id/artifacts", { params });
  return artifacts.map(({ path, size }) => ({ value: path, text: formatRoundedSize(size) }));
};

/** The shell adds no space behind `=`. */
const listParams = async (client: Client, before: CompletionTarget["before"]): Promise<readonly Candidate[]> => {
  const job = before.get("JOBS_DIR|JOB");
  if (job === undefined || !isName(job)) return [];
  const { params } = await client.get("/api/jobs/:job_id", { params: { job_id: job } });
  return Object.entries(params).map(([name, { description }]) => ({ value: `${name}=`, text: description ?? "param" }));
};
