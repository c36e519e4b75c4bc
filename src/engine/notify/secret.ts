import type { Job } from "../../domain/job.ts";
import { secretsOf } from "../../domain/notification.ts";
import { sourceName, type TextOrSecret } from "../../domain/secret.ts";
import type { Log } from "../../lib/log.ts";
import { readSecret, type SecretPlaces } from "../secrets/read-secret.ts";

/** The text, or why it can't be read. The problem contains no secret. */
export type ResolvedText = { readonly value: string } | { readonly problem: string };

/** Returns a text, or reads it from its source. A value from a source is trimmed and must not be empty. */
export const resolveSecret = (text: TextOrSecret, places: SecretPlaces): ResolvedText => {
  if (typeof text === "string") return { value: text };
  const read = readSecret(text, places);
  if ("problem" in read) return read;
  const value = read.value.trim();
  return value === "" ? { problem: `the ${sourceName(text)} is empty` } : { value };
};

/** Logs a warning for each secret of a job's `notify` that can't be read. The job file is valid nevertheless. */
export const warnOfMissingSecrets = (
  job: Job,
  { environment, log }: Pick<SecretPlaces, "environment"> & { readonly log: Log },
): void => {
  for (const [place, target] of (job.notify ?? []).entries()) {
    for (const [path, text] of secretsOf(target)) {
      const resolved = resolveSecret(text, { environment, folder: job.source.folder });
      if ("problem" in resolved)
        log.warn({ job_id: job.id }, `notify[${place}].${path} of ${job.id} cannot be used: ${resolved.problem}`);
    }
  }
};
