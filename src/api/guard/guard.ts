import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "../errors.ts";

type TokenCheck = (request: Request) => void;

/** Throws `UNAUTHORIZED` where a token is set and the request doesn't bring it. */
export const tokenCheck = (token: string | null): TokenCheck => {
  if (token === null) return () => {};
  const expected = digest(token);
  return (request) => {
    const given = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (given === undefined) throw unauthorized("a token is required: send it as 'Authorization: Bearer TOKEN'");
    // Digests are of one length, so that the comparison tells nothing by its time.
    if (!timingSafeEqual(digest(given), expected)) throw unauthorized("the token is not the right one");
  };
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (message: string): ApiError =>
  new ApiError("UNAUTHORIZED", message, { headers: { "www-authenticate": 'Bearer realm="petit"' } });

/**
 * Throws `FORBIDDEN` for what a page of another site sends through a visitor's browser; but for a top-level visit to
 * the dashboard, which is what a link to it makes. Clients that are no browsers send neither header.
 */
export const checkOrigin = (request: Request, isPage: boolean): void => {
  const origin = request.headers.get("origin");
  if (origin !== null && !isSameOrigin(origin, request.headers.get("host") ?? "")) throw foreignOrigin(origin);
  if (request.headers.get("sec-fetch-site") === "cross-site" && !(isPage && isVisit(request))) {
    throw new ApiError("FORBIDDEN", "requests from pages of other sites are not allowed");
  }
};

/** `host` has been found to be petit's own. */
const isSameOrigin = (origin: string, host: string): boolean =>
  origin === `http://${host}` || origin === `https://${host}`;

const isVisit = (request: Request): boolean =>
  (request.method === "GET" || request.method === "HEAD") &&
  request.headers.get("sec-fetch-mode") === "navigate" &&
  request.headers.get("sec-fetch-dest") === "document";

const foreignOrigin = (origin: string): ApiError =>
  new ApiError("FORBIDDEN", `requests from '${origin.slice(0, 100)}' are not allowed; --cors-origin allows an origin`);
