import { RequestFault } from "./fault.ts";
import type { HttpRequest } from "./request.ts";

/** Maximum number of redirects that are followed. */
export const MAX_REDIRECTS = 5;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type Redirecting = { readonly status: number; readonly headers: Pick<Headers, "get"> };

/**
 * Returns the request that follows a redirect, or null if the answer is none. As in the Fetch standard, the method becomes GET
 * after 303, and after 301 and 302 of a POST. Headers with secrets are not sent to another origin, nor to any after it.
 */
export const followRedirect = (request: HttpRequest, { status, headers }: Redirecting): HttpRequest | null => {
  const location = headers.get("location");
  if (!REDIRECTS.has(status) || location === null || request.statuses?.includes(status)) return null;
  const from = new URL(request.url);
  const to = URL.canParse(location, from) ? new URL(location, from) : null;
  if (to === null || (to.protocol !== "http:" && to.protocol !== "https:"))
    throw new RequestFault(`${from.host} redirects to something that is not an http or https URL`, {
      isTransient: false,
    });
  const isSameOrigin = to.origin === from.origin;
  const becomesGet =
    (status === 303 && request.method !== "GET" && request.method !== "HEAD") ||
    ((status === 301 || status === 302) && request.method === "POST");
  const kept = request.headers.filter(
    ({ name, secret }) => (isSameOrigin || !secret) && !(becomesGet && /^content-/i.test(name)),
  );
  // The fetch of Bun would send a user name and a password of the URL as Authorization.
  to.username = to.password = "";
  return {
    ...request,
    url: to.href,
    headers: kept,
    ...(becomesGet && { method: "GET", body: null }),
  };
};
