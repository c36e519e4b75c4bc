import type { Job } from "../../domain/job.ts";
import type { NotifyTarget, TextOrSecret } from "../../domain/notification.ts";
import type { Log } from "../../lib/log.ts";
import { readDiscreet, type SecretPlaces } from "./secret.ts";

/** Has the log say which secrets of a job's `notify` aren't there yet: its file is valid all the same, here or elsewhere. */
export const warnOfMissing = (
  job: Job,
  { environment, log }: Pick<SecretPlaces, "environment"> & { readonly log: Log },
): void => {
  for (const [place, target] of (job.notify ?? []).entries()) {
    for (const [path, text] of partsOf(target)) {
      const found = readDiscreet(text, { environment, folder: job.source.folder });
      if ("problem" in found)
        log.warn({ job_id: job.id }, `notify[${place}].${path} of ${job.id} can't be used yet: ${found.problem}`);
    }
  }
};

const partsOf = ({ url, secret, headers }: NotifyTarget): readonly (readonly [path: string, text: TextOrSecret])[] => [
  ["url", url],
  ...(secret === null ? [] : [["secret", secret] as const]),
  ...Object.entries(headers).map(([name, text]) => [`headers.${name}`, text] as const),
];
