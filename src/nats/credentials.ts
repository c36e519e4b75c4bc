import { readFileSync } from "node:fs";
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { PetitError } from "../domain/errors.ts";
import { errorMessage } from "../lib/error-message.ts";

/** The name of a NATS user's private key: it begins with SU. */
const NKEY_SEED = /^SU[A-Z2-7]{56}$/m;
const CREDS = /-----BEGIN NATS USER JWT-----[\s\S]*-----BEGIN USER NKEY SEED-----/;

/**
 * Returns how petit authenticates: with a credentials file (`.creds`, or the seed of an nkey), otherwise with user and password
 * or a token in the first URL that has them. Returns null without any. Throws `invalid_request`.
 */
export const readAuthenticator = (options: {
  readonly urls: readonly string[];
  readonly file: string | null;
}): Authenticator | null => (options.file === null ? fromUrls(options.urls) : fromFile(options.file));

const fromFile = (file: string): Authenticator => {
  const text = readText(file);
  if (CREDS.test(text)) return credsAuthenticator(new TextEncoder().encode(text));
  const [seed] = NKEY_SEED.exec(text) ?? [];
  if (seed !== undefined) return nkeyAuthenticator(new TextEncoder().encode(seed));
  throw new PetitError(
    "invalid_request",
    `the NATS credentials ${file} can't be used; expected a .creds file, or the seed of a user's nkey, which begins with SU`,
  );
};

const readText = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `the NATS credentials ${file} can't be read: ${why}`, { cause });
  }
};

const fromUrls = (urls: readonly string[]): Authenticator | null => {
  const url = urls.map((each) => new URL(each)).find(({ username }) => username !== "");
  if (url === undefined) return null;
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  return password === "" ? tokenAuthenticator(user) : usernamePasswordAuthenticator(user, password);
};

/** Makes an nkey of a NATS user. The seed is its private part. */
export const makeUserKey = (): { readonly publicKey: string; readonly seed: string } => {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
};

/** Returns the public nkey of a seed. Throws if the text is not one. */
export const publicUserKey = (seed: string): string =>
  nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
