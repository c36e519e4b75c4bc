/**
 * Answers are data: no browser runs, guesses at, frames or keeps them. The dashboard's files bring a policy of
 * their own.
 */
export const secured = (response: Response, requestId: string): Response => {
  const { headers } = response;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", POLICY);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return response;
};

const POLICY = "default-src 'none'; frame-ancestors 'none'";
