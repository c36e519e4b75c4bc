import { createHash, createHmac, randomInt, timingSafeEqual } from "node:crypto";
import type { ApiToken } from "../../domain/token.ts";
import type { Store } from "../../store/store.ts";

/** How long a session lasts, in ms. */
const LIFETIME_MS = 30 * 86_400_000;

export type Session = {
  /** The SHA-256 of the cookie, in hexadecimal. */
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
 * Returns the session of a request's cookie, or null if it has none, or an expired, ended or forged one. The value is the end of the
 * session and random characters with a MAC whose key is the token: it does not contain the token, needs no storage until it is
 * ended, survives a restart, and ends when the token is removed.
 */
export const readSession = (request: Request, { tokens, store, now }: SessionOptions): Session | null => {
  const value = readCookie(request, cookieName(request)) ?? "";
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

/** Returns the `Set-Cookie` of a new session. */
export const sessionCookie = (request: Request, token: ApiToken, now: number): string => {
  const end = (now + LIFETIME_MS).toString(36).padStart(END_LENGTH, "0");
  const data = end + Array.from({ length: RANDOM_LENGTH }, () => randomInt(36).toString(36)).join("");
  return cookie(request, `1.${data}.${macOf(token, data)}`, LIFETIME_MS / 1000);
};

/** Returns the `Set-Cookie` that deletes the session. */
export const endedSessionCookie = (request: Request): string => cookie(request, "", 0);

const macOf = ({ token }: ApiToken, data: string): string =>
  createHmac("sha256", token).update(`petit session 1.${data}`).digest("base64url");

/** Scripts can't read it, and browsers send it only with requests from pages of the same site. */
const cookie = (request: Request, value: string, maxAge: number): string =>
  `${cookieName(request)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${isHttps(request) ? "; Secure" : ""}`;

/** Cookies ignore the port, so its number is part of the name: two petits on one host would end each other's session. */
const cookieName = (request: Request): string => {
  const port = /:(\d+)$/.exec(request.headers.get("host") ?? "")?.[1];
  return port === undefined ? "petit_session" : `petit_session_${port}`;
};

/** petit serves plain HTTP. A page that a reverse proxy serves with TLS has an `https` origin. */
const isHttps = ({ headers }: Request): boolean =>
  headers.get("origin")?.startsWith("https://") === true || headers.get("x-forwarded-proto") === "https";

const readCookie = ({ headers }: Request, name: string): string | null => {
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const [key, value] = pair.split("=", 2);
    if (key?.trim() === name) return value?.trim() ?? "";
  }
  return null;
};
