import { closeSync, existsSync, fstatSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { type PublicKey, parsePublicKey, parseSigningKey, type SigningKey } from "../../lib/wire/signing.ts";

const MAX_BYTES = 64 * 1024;

/** Reads the private key that signs work for workers. Throws `invalid_request` if it can't be used, or if others can read it. */
export const readSigningKey = (file: string): SigningKey => {
  const { text, mode } = readKeyFile(file);
  if ((mode & 0o077) !== 0) throw wrong(`others can read the signing key ${file}; run 'chmod 600 ${file}' first`);
  const key = parseSigningKey(text);
  if (key === null) throw wrong(`${file} is not a signing key; expected a file made by 'petit worker keygen'`);
  return key;
};

/**
 * Returns the public keys that a worker trusts: `given` is one, or a file with one on each line (lines that begin with `#` are
 * comments), so that the key of a scheduler can be exchanged. Throws `invalid_request`.
 */
export const readTrust = (given: string): readonly PublicKey[] => {
  const key = parsePublicKey(given);
  if (key !== null) return [key];
  if (!existsSync(given))
    throw wrong(
      `'${given}' is neither a public key nor a file; expected what 'petit worker keygen' printed, such as ed25519:…`,
    );
  const { text } = readKeyFile(given);
  if (parseSigningKey(text) !== null)
    throw wrong(`${given} is a private key, which no worker should have; expected what 'petit worker keygen' printed`);
  const lines = text.split("\n").map((line) => line.trim());
  const listed = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const keys = listed.flatMap((line) => parsePublicKey(line) ?? []);
  if (keys.length === 0 || keys.length < listed.length)
    throw wrong(
      `${given} is not a list of public keys; expected lines such as ed25519:…, as 'petit worker keygen' prints them`,
    );
  return keys;
};

const readKeyFile = (file: string): { readonly text: string; readonly mode: number } => {
  const fd = openFile(file);
  try {
    return { text: readStart(fd, MAX_BYTES).toString("utf8"), mode: fstatSync(fd).mode };
  } finally {
    closeSync(fd);
  }
};

const openFile = (file: string): number => {
  try {
    const fd = openRegular(file);
    if (fd !== null) return fd;
  } catch (cause) {
    const why = errorMessage(cause);
    throw wrong(`the key ${file} can't be read: ${why}`, cause);
  }
  throw wrong(`the key ${file} is not a regular file`);
};

const wrong = (message: string, cause?: unknown): PetitError => new PetitError("invalid_request", message, { cause });
