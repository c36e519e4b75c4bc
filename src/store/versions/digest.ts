import { createHash } from "node:crypto";
import type { Job } from "../../domain/job.ts";
import { toStored } from "./commit-folder.ts";

/** The digests of definitions that were loaded or saved. A definition never changes. */
const digests = new WeakMap<Job, string>();

/** Returns the digest of a definition with its place in the file. */
export const digestOf = (job: Job): string => {
  const known = digests.get(job);
  if (known !== undefined) return known;
  const digest = sha256(JSON.stringify(toStored(job)));
  digests.set(job, digest);
  return digest;
};

/** Notes the digest of a definition that is stored with it. */
export const withDigest = (job: Job, digest: string): Job => {
  digests.set(job, digest);
  return job;
};

/** Returns the digest of a version: that of the definition and its text, wherever they are. It is the same after the file was renamed. */
export const contentDigest = ({ source, ...job }: Job): string =>
  sha256(JSON.stringify({ ...job, text: source.document?.text }));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
