import { statSync } from "node:fs";
import { ClientError, isRefused, isUnreachable } from "../../client/error.ts";
import { PetitError } from "../../domain/errors.ts";
import { IDEMPOTENCY_KEY_PATTERN, isName } from "../../domain/ids.ts";
import { usageError } from "../argv.ts";
import { patienceOf, RECONNECT } from "../client/reconnect.ts";
import { exitStatusOf } from "../client/request-failure.ts";
import { defineCommand } from "../command.ts";
import { Failure } from "../failure.ts";
import { triggerThere } from "../trigger/remote.ts";

export const trigger = defineCommand({
  name: "trigger",
  summary: "Run a job now: in this process, or by the running petit",
  description:
    "With JOBS_DIR: runs the job once in this process and shows its output live; nothing is kept unless --db, " +
    "PETIT_DB or the configuration file names a database, and Ctrl-C cancels the run. With JOB alone: asks the running petit; Ctrl-C then ends the waiting alone. The " +
    "exit status is 0 where the run completed, else 1.",
  usage: ["petit trigger JOBS_DIR JOB", "petit trigger JOB"],
  args: {
    "JOBS_DIR|JOB": {
      type: "positional",
      required: true,
      description: "The folder of the job files; the job, where it stands alone.",
    },
    JOB: { type: "positional", required: false, description: "The job to run, out of that folder." },
    param: {
      type: "string",
      alias: "p",
      valueHint: "NAME=VALUE",
      description: "A value for a param of the job; can be repeated.",
    },
    wait: { type: "boolean", description: "Wait until the run has ended (in this process: always)." },
    follow: {
      type: "boolean",
      alias: "f",
      description: "Wait, and show its output meanwhile (in this process: always).",
    },
    ...RECONNECT,
    "idempotency-key": {
      type: "string",
      valueHint: "KEY",
      description: "The same key gives the same run again, for 24 hours.",
    },
  },
  settings: ["maxTasks", "killGraceMs", "logLimitBytes", "timezone"],
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
      // Brings the engine and the database, which the others do without.
      const { triggerHere } = await import("../trigger/local.ts");
      return triggerHere({ dir: first, jobId: args.JOB, request }, context);
    }
    if (!isName(first)) {
      throw usageError(
        `'${first}' is no job's id; in a folder, JOB is missing`,
        `'petit trigger ${first} JOB'`,
        "petit trigger",
      );
    }
    const going = { wait: args.wait === true, follow: args.follow === true, patienceMs: patienceOf(args.reconnect) };
    try {
      return await triggerThere({ jobId: first, request, ...going }, context);
    } catch (error) {
      throw isFolder(first) ? inFolder(error, first) : error;
    }
  },
});

/** `name=value` each; the value may be empty, and hold further `=`. */
const readParams = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new PetitError("invalid_request", `--param is '${text}'; expected NAME=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

/** Some could not even be sent. */
const checkedKey = (key: string): string => {
  if (new RegExp(IDEMPOTENCY_KEY_PATTERN).test(key)) return key;
  const given = JSON.stringify(key.slice(0, 40));
  throw new PetitError("invalid_request", `--idempotency-key is ${given}; expected 1 to 255 visible ASCII characters`);
};

const isFolder = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;

/** A folder's name can be a job's id, too: only where that is no job, or nobody knows, was the folder meant. */
const inFolder = (error: unknown, dir: string): unknown => {
  const isUnknown = isRefused(error, "NOT_FOUND") || isUnreachable(error);
  if (!isUnknown || !(error instanceof ClientError)) return error;
  return new Failure(
    exitStatusOf(error),
    `${error.message}; for a job of the folder ${dir}: 'petit trigger ${dir} JOB'`,
  );
};
