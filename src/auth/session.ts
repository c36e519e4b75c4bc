import { createHash, createHmac, randomInt, timingSafeEqual } from "node:crypto";
import type { ApiToken } from "../domain/people/token.ts";
import type { Store } from "../store/store.ts";

/** How long a session lasts, in ms. */
export const SESSION_MS = 30 * 86_400_000;

export type Session = {
  /** The SHA-256 of its value, in hexadecimal. */
  readonly id: string;
  readonly token: ApiToken;
  /** When it ends, in ms since the Unix epoch. */
  readonly until: number;
};

export type SessionOptions = {
  readonly tokens: readonly ApiToken[];
  readonly store: Pick<Store, "sessions">;
  readonly now: number;
};

/** How many characters of the value are the end of the session in ms, in base 36, until the year 2059. Random ones follow. */
const END_LENGTH = 8;

/**
 * Returns the session with a value, or null if there is none, or it is expired, ended or forged. The value is the end of the
 * session and random characters with a MAC whose key is the token: it does not contain the token, needs no storage until it is
 * ended, survives a restart, and ends when the token is removed.
 */
export const readSession = (value: string, { tokens, store, now }: SessionOptions): Session | null => {
  const [, data = "", mac = ""] = /^1\.([0-9a-z]{1,40})\.([\w-]{43})$/.exec(value) ?? [];
  const until = Number.parseInt(data.slice(0, END_LENGTH), 36);
  if (mac === "" || !(until > now)) return null;
  const token = tokens.filter((each) => timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(each, data))))[0];
  if (token === undefined) return null;
  const id = createHash("sha256").update(value).digest("hex");
  return store.sessions.hasEnded(id) ? null : { id, token, until };
};

/** Two logins in one ms are two sessions. */
const RANDOM_LENGTH = 20;

/** Returns the value of a new session. */
export const newSession = (token: ApiToken, now: number): string => {
  const end = (now + SESSION_MS).toString(36).padStart(END_LENGTH, "0");
  const data = end + Array.from({ length: RANDOM_LENGTH }, () => randomInt(36).toString(36)).join("");
  return `1.${data}.${macOf(token, data)}`;
};

const macOf = ({ token }: ApiToken, data: string): string =>
  createHmac("sha256", token).update(`petit session 1.${data}`).digest("base64url");
