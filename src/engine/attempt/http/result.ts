import { readSpoolFile } from "../../output/spool.ts";

/** What the process of an `http` task leaves besides its exit status. */
export type RequestResult = {
  readonly error: string;
  /** How long the server asks to wait before the next request, in ms; null if it does not. */
  readonly retryAfterMs: number | null;
};

/** Maximum that is read of a result. */
const MAX_BYTES = 16_384;

/** Returns the result of a request that failed, or null. `hide` removes secrets from its error. */
export const readResult = (path: string, hide: (error: string) => string): RequestResult | null => {
  try {
    const value: unknown = JSON.parse(readSpoolFile(path, MAX_BYTES) ?? "null");
    if (typeof value !== "object" || value === null || !("error" in value) || typeof value.error !== "string")
      return null;
    const delay = "retryAfterMs" in value ? value.retryAfterMs : null;
    return { error: hide(value.error), retryAfterMs: typeof delay === "number" && delay >= 0 ? delay : null };
  } catch {
    return null;
  }
};
