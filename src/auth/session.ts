import { createHmac, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { ApiToken } from "../domain/people/token.ts";
import { assertNever } from "../lib/never.ts";
import type { Store } from "../store/store.ts";
import type { AcceptedToken, AcceptedTokens } from "./accepted-tokens.ts";
import { digestOf } from "./stored-tokens.ts";

/** How long a session lasts, in ms. */
export const SESSION_MS = 30 * 86_400_000;

export type Session = {
  /** The SHA-256 of its value, in hexadecimal. */
  readonly id: string;
  readonly token: AcceptedToken;
  /** When it ends, in ms since the Unix epoch. */
  readonly until: number;
};

type Stored = Pick<Store, "sessions" | "tokens">;

export type SessionOptions = { readonly tokens: AcceptedTokens; readonly store: Stored; readonly now: number };

/** Returns the session with a value, or null if there is none, or it is expired, ended or forged. */
export const readSession = (value: string, options: SessionOptions): Session | null =>
  value.startsWith("2.") ? readStored(value, options) : readSigned(value, options);

/** Begins a session with a token. Returns its value. Throws `storage_failed`. */
export const beginSession = ({ source }: AcceptedToken, store: Stored, now: number): string => {
  switch (source.kind) {
    case "given":
      return signedValue(source.token, now);
    case "stored": {
      const value = `2.${randomBytes(32).toString("base64url")}`;
      const expiresAt = Math.min(now + SESSION_MS, source.expiresAt ?? Number.MAX_SAFE_INTEGER);
      store.tokens.beginSession({ id: digestOf(value), tokenId: source.id, expiresAt }, now);
      return value;
    }
    default:
      return assertNever(source);
  }
};

/** Ends a session. Throws `storage_failed`. */
export const endSession = ({ id, token, until }: Session, store: Stored, now: number): void => {
  if (token.source.kind === "stored") store.tokens.endSession(id);
  else store.sessions.end(id, until, now);
};

/** The session of a stored token is stored: petit knows only the digest of the token, which would be a bad key. */
const readStored = (value: string, { tokens, store, now }: SessionOptions): Session | null => {
  if (!/^2\.[\w-]{43}$/.test(value)) return null;
  const found = store.tokens.findSession(digestOf(value));
  const token = found === null ? null : tokens.findStored(found.tokenId);
  return found === null || token === null || found.expiresAt <= now
    ? null
    : { id: found.id, token, until: found.expiresAt };
};

/** How many characters of the value are the end of the session in ms, in base 36, until the year 2059. Random ones follow. */
const END_LENGTH = 8;

/**
 * The value is the end of the session and random characters with a MAC whose key is the token: it does not contain the token, needs no
 * storage until it is ended, survives a restart, and ends when the token is removed.
 */
const readSigned = (value: string, { tokens, store, now }: SessionOptions): Session | null => {
  const [, data = "", mac = ""] = /^1\.([0-9a-z]{1,40})\.([\w-]{43})$/.exec(value) ?? [];
  const until = Number.parseInt(data.slice(0, END_LENGTH), 36);
  if (mac === "" || !(until > now)) return null;
  const token = tokens.given.find(
    ({ source }) =>
      source.kind === "given" && timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(source.token, data))),
  );
  if (token === undefined) return null;
  const id = digestOf(value);
  return store.sessions.hasEnded(id) ? null : { id, token, until };
};

/** Two logins in one ms are two sessions. */
const RANDOM_LENGTH = 20;

const signedValue = (token: ApiToken, now: number): string => {
  const end = (now + SESSION_MS).toString(36).padStart(END_LENGTH, "0");
  const data = end + Array.from({ length: RANDOM_LENGTH }, () => randomInt(36).toString(36)).join("");
  return `1.${data}.${macOf(token, data)}`;
};

const macOf = ({ token }: ApiToken, data: string): string =>
  createHmac("sha256", token).update(`petit session 1.${data}`).digest("base64url");
