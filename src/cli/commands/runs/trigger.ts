import { statSync } from "node:fs";
import { ClientError, isRefused, isUnreachable } from "../../../client/error.ts";
import { PetitError } from "../../../domain/errors.ts";
import { IDEMPOTENCY_KEY_PATTERN, isName } from "../../../domain/ids.ts";
import type { TriggerRequest } from "../../../engine/engine.ts";
import { parseTraceParent, traceHeaders } from "../../../lib/wire/trace-parent.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { noteNewId } from "../../client/job-note.ts";
import { patienceOf, RECONNECT } from "../../client/reconnect.ts";
import { exitStatusOf } from "../../client/request-failure.ts";
import { type Context, defineCommand } from "../../command.ts";
import { type ExitStatus, Failure } from "../../exit.ts";
import { readParams } from "../../flag-values.ts";
import { caller } from "../../people/as-command.ts";
import { type AwaitRunOptions, awaitRun } from "../../trigger/await-run.ts";

export const trigger = defineCommand({
  name: "trigger",
  summary: "Run a job now, in this process or in the running petit",
  description:
    "With JOBS_DIR, runs the job once in this process and shows its output live. Ctrl-C cancels the run. Nothing is stored " +
    "unless --db, PETIT_DB or the configuration file names a database. Without JOBS_DIR, starts the job in the running petit; " +
    "Ctrl-C then stops only the waiting. The exit status is 0 if the run completed, else 1.",
  usage: ["petit trigger JOBS_DIR JOB", "petit trigger JOB"],
  args: {
    "JOBS_DIR|JOB": {
      type: "positional",
      required: true,
      description: "The folder of the job files, or the job if it is the only argument.",
    },
    JOB: { type: "positional", required: false, description: "The job of that folder to run." },
    param: {
      type: "string",
      alias: "p",
      valueHint: "NAME=VALUE",
      description: "The value of a param of the job; can be repeated.",
    },
    wait: { type: "boolean", description: "Wait until the run has ended; always on with JOBS_DIR." },
    follow: {
      type: "boolean",
      alias: "f",
      description: "Wait, and show the output of the run; always on with JOBS_DIR.",
    },
    ...RECONNECT,
    "idempotency-key": {
      type: "string",
      valueHint: "KEY",
      description: "Requests with the same key within 24 hours return the same run.",
    },
  },
  settings: [
    "queues",
    "maxTasks",
    "killGraceMs",
    "logLimitBytes",
    "artifactLimitBytes",
    "usage",
    "runAsAllowed",
    "timezone",
    "publicUrl",
  ],
  examples: [
    "petit trigger examples/jobs hello_world",
    "petit trigger examples/jobs greet --param name=you --db petit.db",
    "petit trigger data_pipeline --follow",
  ],
  run: async (args, context) => {
    const request = {
      params: readParams(context.flags.get("param") ?? []),
      ...(args["idempotency-key"] === undefined ? {} : { idempotencyKey: checkedKey(args["idempotency-key"]) }),
    };
    const first = args["JOBS_DIR|JOB"];
    if (args.JOB !== undefined) {
      checkFolder(first, args.JOB);
      // Loaded here because other commands need neither the engine nor the database.
      const { triggerLocally } = await import("../../trigger/local.ts");
      return triggerLocally({ dir: first, jobId: args.JOB, request: { ...request, by: caller(context) } }, context);
    }
    if (!isName(first)) {
      throw usageError(
        `'${first}' is not the id of a job; if it is a folder, JOB is missing`,
        `'petit trigger ${first} JOB'`,
        "petit trigger",
      );
    }
    const [wait, follow, patienceMs] = [args.wait === true, args.follow === true, patienceOf(args.reconnect)];
    try {
      return await triggerRemotely({ jobId: first, request, wait, follow, patienceMs }, context);
    } catch (error) {
      throw isFolder(first) ? withFolderHint(error, first) : error;
    }
  },
});

type RemoteTrigger = AwaitRunOptions & { readonly jobId: string; readonly request: TriggerRequest };

/** Starts a run in the running petit. With `wait` or `follow`, returns the exit status of its outcome. */
const triggerRemotely = async (
  { jobId, request: { params = {}, idempotencyKey }, wait, follow, patienceMs }: RemoteTrigger,
  context: Context,
): Promise<ExitStatus> => {
  const client = openClient(context);
  const { TRACEPARENT = null, TRACESTATE = null } = context.environment;
  const started = await client.post("/api/jobs/:job_id/trigger", {
    params: { job_id: jobId },
    ...(Object.keys(params).length === 0 ? {} : { body: { params } }),
    headers: {
      ...traceHeaders(parseTraceParent(TRACEPARENT, TRACESTATE)),
      ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
    },
  });
  noteNewId(jobId, started.job_id, context);
  return awaitRun(client, { started, wait, follow, patienceMs }, context);
};

/** Checks the key here, because some keys can't be sent in a header. */
const checkedKey = (key: string): string => {
  if (new RegExp(IDEMPOTENCY_KEY_PATTERN).test(key)) return key;
  const given = JSON.stringify(key.slice(0, 40));
  throw new PetitError("invalid_request", `--idempotency-key is ${given}; expected 1 to 255 visible ASCII characters`);
};

/** A job of the running petit is given alone: a second argument makes the first one a folder. */
const checkFolder = (first: string, second: string): void => {
  if (!isName(first) || statSync(first, { throwIfNoEntry: false }) !== undefined) return;
  const hint = second.includes("=")
    ? `params are flags: 'petit trigger ${first} --param ${second}'`
    : `to run the job '${first}' of the running petit, 'petit trigger ${first}'; to create the folder, 'petit init ${first}'`;
  throw new PetitError("not_found", `there is no folder ${first}; ${hint}`);
};

const isFolder = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;

/** Adds a hint to the error if there is no such job, because the folder of that name was probably meant. */
const withFolderHint = (error: unknown, dir: string): unknown => {
  const isUnknown = isRefused(error, "NOT_FOUND") || isUnreachable(error);
  if (!isUnknown || !(error instanceof ClientError)) return error;
  return new Failure(
    exitStatusOf(error),
    `${error.message}; to run a job of the folder ${dir}: 'petit trigger ${dir} JOB'`,
  );
};
