import { closeSync } from "node:fs";
import { resolve } from "node:path";
import type { Job } from "../../domain/job.ts";
import type { NotifyTarget, TextOrSecret } from "../../domain/notification.ts";
import type { Log } from "../../lib/log.ts";
import { openRegular, readStart } from "../../lib/regular-file.ts";

/** Where secrets are read from. */
export type SecretSources = {
  /** The environment of petit. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the job file, to which paths are relative. */
  readonly folder: string;
};

/** The text, or why it can't be read. The problem contains no secret. */
export type ResolvedText = { readonly value: string } | { readonly problem: string };

/** Maximum that is read of a file. */
const MAX_BYTES = 65_536;

/** Returns a text, or reads it from its source. A value from a source is trimmed and must not be empty. */
export const resolveSecret = (text: TextOrSecret, places: SecretSources): ResolvedText => {
  if (typeof text === "string") return { value: text };
  return "env" in text ? fromEnvironment(text.env, places) : fromFile(text.file, places);
};

const fromEnvironment = (name: string, { environment }: SecretSources): ResolvedText => {
  if (!Object.hasOwn(environment, name)) return { problem: `the variable ${name} is not set` };
  const value = (environment[name] ?? "").trim();
  return value === "" ? { problem: `the variable ${name} is empty` } : { value };
};

const fromFile = (file: string, { folder }: SecretSources): ResolvedText => {
  const path = resolve(folder, file);
  try {
    const value = readSecretFile(path)?.trim();
    if (value === undefined) return { problem: `${path} is not a file` };
    return value === "" ? { problem: `the file ${path} is empty` } : { value };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return { problem: `the file ${path} can't be read${code}` };
  }
};

/** Returns the first 64 KiB of a file, or null if it is not a regular file. */
const readSecretFile = (path: string): string | null => {
  const fd = openRegular(path);
  if (fd === null) return null;
  try {
    return readStart(fd, MAX_BYTES).toString();
  } finally {
    closeSync(fd);
  }
};

/** Logs a warning for each secret of a job's `notify` that can't be read. The job file is valid nevertheless. */
export const warnOfMissingSecrets = (
  job: Job,
  { environment, log }: Pick<SecretSources, "environment"> & { readonly log: Log },
): void => {
  for (const [place, target] of (job.notify ?? []).entries()) {
    for (const [path, text] of partsOf(target)) {
      const resolved = resolveSecret(text, { environment, folder: job.source.folder });
      if ("problem" in resolved)
        log.warn({ job_id: job.id }, `notify[${place}].${path} of ${job.id} cannot be used: ${resolved.problem}`);
    }
  }
};

const partsOf = ({ url, secret, headers }: NotifyTarget): readonly (readonly [path: string, text: TextOrSecret])[] => [
  ["url", url],
  ...(secret === null ? [] : [["secret", secret] as const]),
  ...Object.entries(headers).map(([name, text]) => [`headers.${name}`, text] as const),
];
