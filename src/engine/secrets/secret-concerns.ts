import { type Job, secretsOfJob } from "../../domain/job.ts";
import { isTooShort, MIN_MASKED_LENGTH } from "./mask.ts";
import { readSecret, type SecretPlaces } from "./read-secret.ts";

/** What is wrong with a secret of a job: it can't be read here (`unreadable`), or will not be hidden (`short`). */
export type SecretConcern = { readonly kind: "unreadable" | "short"; readonly message: string };

/** Returns what is wrong with the secrets that the tasks of a job use. Messages contain no secret. */
export const secretConcerns = (job: Job, environment: SecretPlaces["environment"]): readonly SecretConcern[] =>
  secretsOfJob(job).flatMap(({ path, source }): SecretConcern[] => {
    const reading = readSecret(source, { environment, folder: job.source.folder });
    const name = `the secret ${path} of ${job.id}`;
    if ("problem" in reading) return [{ kind: "unreadable", message: `${name} can't be used: ${reading.problem}` }];
    if (!isTooShort(reading.value)) return [];
    const message = `${name} has fewer than ${MIN_MASKED_LENGTH} characters, so it is not hidden in the output`;
    return [{ kind: "short", message }];
  });
