import { ApiError } from "../errors.ts";

/**
 * Throws `FORBIDDEN` if a page of another site sent the request through a visitor's browser. A top-level visit to the
 * dashboard, as by a link, is allowed. Clients other than browsers send neither of the two headers.
 */
export const checkOrigin = (request: Request, isPage: boolean): void => {
  const origin = request.headers.get("origin");
  if (origin !== null && !isSameOrigin(origin, request.headers.get("host") ?? "")) throw foreignOrigin(origin);
  if (request.headers.get("sec-fetch-site") === "cross-site" && !(isPage && isVisit(request))) {
    throw new ApiError("FORBIDDEN", "requests from pages of other sites are not allowed");
  }
};

/** Requires that `host` has passed the host check. */
const isSameOrigin = (origin: string, host: string): boolean =>
  origin === `http://${host}` || origin === `https://${host}`;

const isVisit = (request: Request): boolean =>
  (request.method === "GET" || request.method === "HEAD") &&
  request.headers.get("sec-fetch-mode") === "navigate" &&
  request.headers.get("sec-fetch-dest") === "document";

const foreignOrigin = (origin: string): ApiError =>
  new ApiError("FORBIDDEN", `requests from '${origin.slice(0, 100)}' are not allowed; --cors-origin allows an origin`);

/**
 * Throws `FORBIDDEN` unless a page of petit sent the request. It is for requests whose cookie authenticates them, that of petit or that of
 * a proxy: a browser adds the cookie for pages of the same site too, such as those of another port. A change needs the `Origin` that
 * every browser sends.
 */
export const assertFromOwnPage = (request: Request): void => {
  const { headers, method } = request;
  const isRead = method === "GET" || method === "HEAD";
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (origin === null ? !isRead : !isSameOrigin(origin, headers.get("host") ?? "")) throw needsOwnPage();
  if (site !== null && site !== "same-origin" && site !== "none" && !isVisit(request)) throw needsOwnPage();
};

const needsOwnPage = (): ApiError =>
  new ApiError(
    "FORBIDDEN",
    "a request of somebody who is logged in in a browser must come from a page of petit; others send a token",
  );
