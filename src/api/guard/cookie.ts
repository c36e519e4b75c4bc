import { PROVIDER_SESSION_MS } from "../../auth/provider/sessions.ts";
import { SESSION_MS } from "../../auth/session.ts";

/** Browsers accept a cookie of this name only from https and for one host, so no page of another one can set it. */
const HOST_PREFIX = "__Host-";

const SESSION = "petit_session";

/** What a browser keeps of a login that it has begun at a provider. */
const LOGIN = "petit_login";

/** How long a browser keeps it, in seconds. */
const LOGIN_SECONDS = 600;

/** Returns the value of the session cookie of a request; null if it has none. */
export const sessionValue = (request: Request): string | null => cookieValue(request, SESSION);

/** Returns the `Set-Cookie` of a new session. */
export const sessionCookie = (request: Request, value: string): string =>
  cookie(nameOf(request, SESSION), value, {
    maxAge: SESSION_MS / 1000,
    sameSite: "Strict",
    isSecure: isHttps(request),
  });

/** Returns the `Set-Cookie`s that delete the session. */
export const endedSessionCookie = (request: Request): string | string[] => endedCookies(request, SESSION);

/** The cookies of people who log in at a provider. `isSecure` if their browsers reach petit by https. */
export const providerCookies = (request: Request, isSecure: boolean) => {
  const cookieOf = (name: string, value: string, maxAge: number, sameSite: SameSite): string =>
    cookie(isSecure ? `${HOST_PREFIX}${name}` : nameOf(request, name), value, { maxAge, sameSite, isSecure });
  return {
    /** The provider is another site, and its answer has to bring the cookie: `Lax` allows that for a visit. */
    begin: (pending: string): string => cookieOf(LOGIN, pending, LOGIN_SECONDS, "Lax"),
    pending: cookieValue(request, LOGIN),
    /** Deletes the cookie of the login. */
    end: (): readonly string[] => [endedCookies(request, LOGIN)].flat(),
    /** Replaces the session of the browser. */
    session: (value: string): readonly string[] => {
      const session = cookieOf(SESSION, value, PROVIDER_SESSION_MS / 1000, "Strict");
      // The session of a token may have a cookie of another name.
      const others = [endedCookies(request, SESSION)]
        .flat()
        .filter((each) => !session.startsWith(`${each.split("=", 1)[0]}=`));
      return [...others, session];
    },
  };
};

const cookieValue = (request: Request, name: string): string | null => {
  const cookies = request.headers.get("cookie");
  if (cookies === null) return null;
  const values = new Map<string, string>();
  for (const pair of cookies.split(";")) {
    const [key = "", value] = pair.split("=", 2);
    if (!values.has(key.trim())) values.set(key.trim(), value?.trim() ?? "");
  }
  return values.get(`${HOST_PREFIX}${name}`) ?? values.get(nameOf(request, name)) ?? null;
};

const endedCookies = (request: Request, name: string): string | string[] => {
  const plain = cookie(nameOf(request, name), "", { maxAge: 0, sameSite: "Strict", isSecure: isHttps(request) });
  const prefixed = `${HOST_PREFIX}${name}`;
  if (request.headers.get("cookie")?.includes(`${prefixed}=`) !== true) return plain;
  return [plain, cookie(prefixed, "", { maxAge: 0, sameSite: "Strict", isSecure: true })];
};

type SameSite = "Strict" | "Lax";

type CookieOptions = {
  /** In seconds. */
  readonly maxAge: number;
  readonly sameSite: SameSite;
  readonly isSecure: boolean;
};

/** Scripts can't read it, and browsers send it only with requests from pages of the same site, or with `Lax` also with visits from others. */
const cookie = (name: string, value: string, { maxAge, sameSite, isSecure }: CookieOptions): string =>
  `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=${sameSite}${isSecure ? "; Secure" : ""}`;

/** Cookies ignore the port, so its number is part of the name: two petits on one host would end each other's session. */
const nameOf = (request: Request, name: string): string => {
  const port = /:(\d+)$/.exec(request.headers.get("host") ?? "")?.[1];
  return port === undefined ? name : `${name}_${port}`;
};

/** petit serves plain HTTP. A page that a reverse proxy serves with TLS has an `https` origin. */
const isHttps = ({ headers }: Request): boolean =>
  headers.get("origin")?.startsWith("https://") === true || headers.get("x-forwarded-proto") === "https";
