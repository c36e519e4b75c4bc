import { closeSync, constants, writeFileSync } from "node:fs";
import type { SecretUse } from "../../domain/job.ts";
import type { SecretSource } from "../../domain/secret.ts";
import { openSpoolFile, readSpoolFile, type Spool } from "../output/spool.ts";
import { isTooShort } from "./mask.ts";
import type { SecretKey } from "./secret-key.ts";

/** Maximum size of the file. A job file, which names each secret, has at most 1 MiB. */
const MAX_BYTES = 16_777_216;

/** By the path of a secret in the job file: its HMAC, or an empty text if it is too short to be hidden. */
type Signatures = Readonly<Record<string, string>>;

/** Records in the spool of an attempt which secrets it was started with, so that the next petit process can recognize them. */
export const noteGiven = (
  uses: readonly SecretUse[],
  values: ReadonlyMap<SecretSource, string>,
  spool: Spool,
  key: SecretKey,
): void => {
  const entries = uses.flatMap(({ path, source }): (readonly [string, string])[] => {
    const value = values.get(source);
    const signature = value === undefined ? null : isTooShort(value) ? "" : key.sign(signedText(spool, path, value));
    return signature === null ? [] : [[path, signature]];
  });
  const fd = openSpoolFile(spool.given, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  if (fd === null) throw new Error(`${spool.given} is not a regular file`);
  try {
    writeFileSync(fd, JSON.stringify(Object.fromEntries(entries)));
  } finally {
    closeSync(fd);
  }
};

const signedText = ({ attemptId }: Spool, path: string, value: string): string => `${attemptId}\0${path}\0${value}`;

/** The secrets that an attempt was started with, as its spool records them. */
export type GivenSecrets = {
  /** Returns whether the attempt was started with this secret. A secret that is too short to be hidden always counts as known. */
  is(path: string, value: string | undefined): boolean;
};

/** Reads which secrets an attempt was started with. Null if that is not recorded: an older petit started it. */
export const readGiven = (spool: Spool, key: SecretKey): GivenSecrets | null => {
  const signatures = parse(readSpoolFile(spool.given, MAX_BYTES));
  if (signatures === null) return null;
  const signatureOf = (path: string): string | undefined =>
    Object.hasOwn(signatures, path) ? signatures[path] : undefined;
  return {
    is: (path, value) => {
      const signature = signatureOf(path);
      if (signature === undefined) return false;
      return signature === "" || (value !== undefined && key.verify(signedText(spool, path, value), signature));
    },
  };
};

const parse = (text: string | null): Signatures | null => {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    if (typeof value !== "object" || value === null) return null;
    return Object.fromEntries(Object.entries(value).filter(([, each]) => typeof each === "string"));
  } catch {
    return null;
  }
};
