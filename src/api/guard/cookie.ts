import { SESSION_MS } from "../../auth/session.ts";

/** Returns the value of the session cookie of a request; null if it has none. */
export const sessionValue = (request: Request): string | null => {
  const cookies = request.headers.get("cookie");
  if (cookies === null) return null;
  const name = cookieName(request);
  for (const pair of cookies.split(";")) {
    const [key, value] = pair.split("=", 2);
    if (key?.trim() === name) return value?.trim() ?? "";
  }
  return null;
};

/** Returns the `Set-Cookie` of a new session. */
export const sessionCookie = (request: Request, value: string): string => cookie(request, value, SESSION_MS / 1000);

/** Returns the `Set-Cookie` that deletes the session. */
export const endedSessionCookie = (request: Request): string => cookie(request, "", 0);

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
