import type { Job } from "../../domain/job.ts";
import { type NotifyTarget, secretsOf } from "../../domain/notification.ts";
import { jobOfSending } from "../../domain/review/digest.ts";
import { sourceName, type TextOrSecret } from "../../domain/secret.ts";
import { readSecret, type SecretPlaces } from "../secrets/read-secret.ts";

/** The text, or why it can't be read. The problem contains no secret. */
type ResolvedText = { readonly value: string } | { readonly problem: string };

/** Returns a text, or reads it from its source. A value from a source is trimmed and must not be empty. */
export const resolveSecret = (text: TextOrSecret, places: SecretPlaces): ResolvedText => {
  if (typeof text === "string") return { value: text };
  const read = readSecret(text, places);
  if ("problem" in read) return read;
  const value = read.value.trim();
  return value === "" ? { problem: `the ${sourceName(text)} is empty` } : { value };
};

/** The values of the secrets of a target, by the path of their field. */
type Resolved = { readonly values: ReadonlyMap<string, string> } | { readonly problem: string };

/** Reads the secrets of a target. */
export const resolveAll = (target: NotifyTarget, places: SecretPlaces): Resolved => {
  const values = new Map<string, string>();
  for (const [path, text] of secretsOf(target)) {
    const found = resolveSecret(text, places);
    if ("problem" in found) return found;
    values.set(path, found.value);
  }
  return { values };
};

const isDigest = ({ id }: Job): boolean => jobOfSending(id) === null;

/** Returns a sentence for each secret of the jobs' `notify`, or of the sender of a digest, that can't be read; one for all jobs that use the default list. */
export const missingSecrets = (
  jobs: Iterable<Job>,
  { environment }: Pick<SecretPlaces, "environment">,
): readonly { readonly jobId: Job["id"] | null; readonly message: string }[] => {
  let isDefaultChecked = false;
  return [...jobs].flatMap((job) => {
    const isDefault = job.hasDefaultNotify === true;
    if (isDefault && isDefaultChecked) return [];
    isDefaultChecked ||= isDefault;
    const owner = isDefault ? "the configuration file" : job.id;
    const places = { environment, folder: job.source.folder };
    return (job.notify ?? []).flatMap((target, index) =>
      secretsOf(target).flatMap(([path, text]) => {
        const resolved = resolveSecret(text, places);
        if (!("problem" in resolved)) return [];
        const jobId = isDefault ? null : jobOfSending(job.id);
        const place = isDigest(job)
          ? `${path} of receiver ${index + 1} of the digest`
          : `notify[${index}].${path} of ${owner}`;
        return [{ jobId, message: `${place} cannot be used: ${resolved.problem}` }];
      }),
    );
  });
};
