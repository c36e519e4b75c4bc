import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "../errors.ts";

/** Returns a check of the bearer token; it throws `UNAUTHORIZED`. With `token` null, every request passes. */
export const createTokenCheck = (token: string | null): ((request: Request) => void) => {
  if (token === null) return () => {};
  const expected = digest(token);
  return (request) => {
    const given = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (given === undefined) throw unauthorized("a token is required: send it as 'Authorization: Bearer TOKEN'");
    // Digests have the same length, so the time of the comparison reveals nothing about the token.
    if (!timingSafeEqual(digest(given), expected)) throw unauthorized("the token is wrong");
  };
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (message: string): ApiError =>
  new ApiError("UNAUTHORIZED", message, { headers: { "www-authenticate": 'Bearer realm="petit"' } });
