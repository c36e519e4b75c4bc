import { createHash, createHmac } from "node:crypto";
import type { Job } from "../../domain/job.ts";
import { bytes } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
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

/**
 * Returns the digest of a version: that of the definition and its text, wherever they are. It is the same after the file was renamed. Whoever
 * may see it but not the secrets of the definition can't try out secrets without the key.
 */
export const contentDigest = ({ source, ...job }: Job, key: Uint8Array): string =>
  createHmac("sha256", key)
    .update(JSON.stringify({ ...job, text: source.document?.text }))
    .digest("hex");

/** The keys of open databases. */
const keys = new WeakMap<Statements, Uint8Array>();

/** Returns the key of the digests of a database. */
export const digestKey = (sql: Statements): Uint8Array => {
  const known = keys.get(sql);
  if (known !== undefined) return known;
  const key = bytes(sql.get(SELECT_KEY) ?? {}, "digest_key");
  keys.set(sql, key);
  return key;
};

export const SELECT_KEY = "SELECT digest_key FROM scheduler";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
