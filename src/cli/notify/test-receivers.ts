import { existsSync } from "node:fs";
import { type NotifyTestList, notifyTestList } from "../../api/shapes/notification.ts";
import { definedIn } from "../../app/open-database.ts";
import { urlOf } from "../../app/settings/settings.ts";
import { withoutSecret } from "../../app/settings/shown.ts";
import { ClientError, isUnreachable } from "../../client/error.ts";
import { PetitError } from "../../domain/errors.ts";
import { type Job, withDefaultNotify } from "../../domain/job.ts";
import { sendTests } from "../../engine/notify/send-tests.ts";
import { readDatabase } from "../../store/database/read-only.ts";
import { findDefinition } from "../../store/jobs.ts";
import { openClient } from "../client/client.ts";
import { exitStatusOf } from "../client/request-failure.ts";
import type { Context } from "../command.ts";
import { Failure } from "../exit.ts";
import { findJob, readJobs } from "../job-folder.ts";

type Answer = typeof NotifyTestList.static;

/** How a receiver answered. */
export type NotifyTestResult = Answer["results"][number];

/** What the receivers answered. `sender` tells people which process sent the tests, `list` what the places of the receivers refer to. */
export type Tested = { readonly answer: Answer; readonly sender: string; readonly list: "notify" | "digest" };

type JobPlace = {
  readonly jobId: string;
  /** The folder of the job files, or null to ask the running petit. */
  readonly dir: string | null;
};

/** Sends a test to the receivers of a job. The running petit sends it; this process does if a folder is given, or if no petit runs. */
export const testReceivers = async ({ jobId, dir }: JobPlace, context: Context): Promise<Tested> => {
  if (dir !== null) return await testHere(await findInFolder(dir, jobId, context), context);
  try {
    return await testByPetit(jobId, context);
  } catch (error) {
    if (!isUnreachable(error) || !(error instanceof ClientError) || context.origins.url.kind !== "default") throw error;
    const found = await findHere(jobId, context);
    if (found !== null) {
      const { answer, sender, list } = await testHere(found, context);
      return {
        answer,
        list,
        sender: `${sender}, because no petit answers at ${withoutSecret(urlOf(context.settings))}`,
      };
    }
    throw new Failure(
      exitStatusOf(error),
      `${error.message}, or let this command send the test: 'petit notify test JOBS_DIR ${jobId}'`,
      { cause: error },
    );
  }
};

/** A receiver may take up to a minute to answer. */
const TIMEOUT_MS = 90_000;

const testByPetit = async (jobId: string, context: Context): Promise<Tested> => {
  const answer = await openClient(context, { timeoutMs: TIMEOUT_MS }).post("/api/jobs/:job_id/notify/test", {
    params: { job_id: jobId },
  });
  return { answer, sender: `petit at ${withoutSecret(urlOf(context.settings))}`, list: "notify" };
};

/** Has the running petit send the digest to its receivers, as a test. */
export const testDigest = async (context: Context): Promise<Tested> => {
  const answer = await openClient(context, { timeoutMs: TIMEOUT_MS }).post("/api/digest/test", {});
  return { answer, sender: `petit at ${withoutSecret(urlOf(context.settings))}`, list: "digest" };
};

/** A job, and where its definition was found. */
type Found = { readonly job: Job; readonly where: string };

const testHere = async ({ job, where }: Found, { settings, clock, runtime, environment }: Context): Promise<Tested> => {
  const { signal } = new AbortController();
  const options = { clock, runtime, environment: definedIn(environment), publicUrl: settings.publicUrl, signal };
  const answer = notifyTestList(await sendTests(job, options));
  return { answer, sender: `this command, by the definition in ${where}`, list: "notify" };
};

/** Finds a job in the database or the folder that the settings name, or else in the default one that exists. */
const findHere = async (jobId: string, context: Context): Promise<Found | null> => {
  const { settings, origins } = context;
  const isNamed = (key: "db" | "jobsDir"): boolean => origins[key].kind !== "default";
  if (isNamed("jobsDir") && !isNamed("db")) return await findInFolder(settings.jobsDir, jobId, context);
  if (isNamed("db") || existsSync(settings.db)) return findInDatabase(jobId, context);
  return existsSync(settings.jobsDir) ? await findInFolder(settings.jobsDir, jobId, context) : null;
};

const findInFolder = async (dir: string, jobId: string, context: Context): Promise<Found> => {
  const files = await readJobs(dir);
  const job = findJob(files, { id: jobId, dir, err: context.terminal.err });
  return { job: withDefaultNotify(job, context.defaultNotify), where: dir };
};

const findInDatabase = (jobId: string, { settings, runtime, defaultNotify }: Context): Found => {
  const path = settings.db;
  const job = readDatabase({ path, runtime }, ({ db }) => findDefinition(db, jobId));
  if (job === null) throw new PetitError("not_found", `no job '${jobId}' in ${path}`);
  return { job: withDefaultNotify(job, defaultNotify), where: path };
};
