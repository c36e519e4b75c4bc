import { readFileSync } from "node:fs";
import { type Job, type SecretUse, secretsOfJob, secretsOfTask, type Task } from "../../domain/job.ts";
import type { SecretSource } from "../../domain/secret.ts";
import { SpawnError } from "../attempt/spawn-error.ts";
import type { Spool } from "../output/spool.ts";
import { type GivenSecrets, noteGiven, readGiven } from "./given-secrets.ts";
import { type Mask, maskOf, TotalMask } from "./mask.ts";
import { readSecret, type SecretPlaces } from "./read-secret.ts";
import type { SecretKey } from "./secret-key.ts";

/** The secrets that a process gets, by their source in the definition of its job. */
export type SecretValues = ReadonlyMap<SecretSource, string>;

export type AttemptSecrets = {
  readonly values: SecretValues;
  /** Hides the secrets of all tasks of the job, because tasks exchange files. Null if the job has none. */
  readonly mask: Mask | null;
};

export type SecretsOfAttempt = {
  readonly job: Job;
  readonly task: Task;
  /** The environment of petit, with the variables that no task inherits. */
  readonly environment: SecretPlaces["environment"];
};

const NONE: AttemptSecrets = { values: new Map(), mask: null };

/** Reads the secrets of an attempt that starts. Throws SpawnError if one that its process needs can't be read. */
export const readSecrets = ({ job, task, environment }: SecretsOfAttempt): AttemptSecrets => {
  const all = secretsOfJob(job);
  if (all.length === 0) return NONE;
  const needed = new Set(secretsOfTask(job, task).map(({ source }) => source));
  const values = new Map<SecretSource, string>();
  for (const use of all) {
    const reading = readSecret(use.source, { environment, folder: job.source.folder });
    if ("value" in reading) values.set(use.source, reading.value);
    else if (needed.has(use.source))
      throw new SpawnError(reading.code ?? "", `the secret ${use.path} can't be used: ${reading.problem}`);
  }
  return { values, mask: maskOf(all.flatMap((use) => hiddenTexts(use, values.get(use.source)))) };
};

/** Returns what is hidden of a secret: also the part after the scheme of a header such as `Authorization: Bearer TOKEN`. */
const hiddenTexts = ({ variable }: SecretUse, value: string | undefined): readonly string[] => {
  if (value === undefined) return [];
  const [, token] = (variable === null && /^[A-Za-z]+ +(\S.*)$/s.exec(value)) || [];
  return token === undefined ? [value] : [value, token];
};

/** Records what an attempt that starts was given, for `recoverMask`. Call it before its process starts. */
export const noteSecrets = (
  { job, task }: Pick<SecretsOfAttempt, "job" | "task">,
  { values }: AttemptSecrets,
  spool: Spool,
  key: SecretKey,
): void => {
  const own = secretsOfTask(job, task);
  if (own.length > 0) noteGiven(own, values, spool, key);
};

export type AdoptedSecretsOptions = SecretsOfAttempt & {
  readonly spool: Spool;
  readonly key: SecretKey;
  /** The process of the attempt, or null if it has ended. */
  readonly pid: number | null;
};

/**
 * Returns the mask for an attempt of the previous petit process. Its secrets are read again, from their sources and from the
 * environment of its process. If neither is the secret that the attempt was started with, everything is hidden. Secrets of other
 * tasks of the job are masked with their present values only: this attempt did not get them.
 */
export const recoverMask = ({ job, task, environment, spool, key, pid }: AdoptedSecretsOptions): Mask | null => {
  const all = secretsOfJob(job);
  if (all.length === 0) return null;
  const given = readGiven(spool, key);
  const variables = pid === null ? NO_VARIABLES : variablesOf(pid);
  const needed = new Set(secretsOfTask(job, task).map(({ path }) => path));
  const texts: string[] = [];
  for (const use of all) {
    const { source, path, variable } = use;
    const own = variable === null || !needed.has(path) ? undefined : variables.get(variable);
    const reading = readSecret(source, { environment, folder: job.source.folder });
    const current = "value" in reading ? reading.value : undefined;
    texts.push(...hiddenTexts(use, own), ...hiddenTexts(use, current));
    if (!needed.has(path) || isKnown({ given, path, own, current })) continue;
    return new TotalMask(
      "problem" in reading ? `the secret ${path} can't be read again: ${reading.problem}` : unknown(path),
    );
  }
  return maskOf(texts);
};

const unknown = (path: string): string =>
  `the secret ${path} may have changed since the task started, and the earlier one is not known`;

type Candidates = {
  readonly given: GivenSecrets | null;
  readonly path: string;
  /** From the environment of the process. */
  readonly own: string | undefined;
  /** From the source. */
  readonly current: string | undefined;
};

/** An older petit recorded nothing. Then only the environment of the process is certain. */
const isKnown = ({ given, path, own, current }: Candidates): boolean =>
  given === null ? own !== undefined : given.is(path, own) || given.is(path, current);

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** Returns the variables with which a process started, if the system shows them. */
const variablesOf = (pid: number): ReadonlyMap<string, string> => {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(variables.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]));
  } catch {
    return NO_VARIABLES;
  }
};
