/** When a failed attempt is retried: `always`, only after a transient failure (`transient_only`), or `never`. */
export const RETRY_CONDITIONS = ["always", "transient_only", "never"] as const;
type RetryCondition = (typeof RETRY_CONDITIONS)[number];

export const BACKOFFS = ["fixed", "exponential"] as const;
type Backoff = (typeof BACKOFFS)[number];

export type Retry = {
  /** Number of retries after the first attempt; 0 means none. */
  readonly maxAttempts: number;
  readonly delayMs: number;
  readonly backoff: Backoff;
  /** Maximum exponential delay. */
  readonly maxDelayMs: number;
  readonly condition: RetryCondition;
};

/**
 * Returns the delay in ms before the attempt after attempt number `attempt` (from 1). With exponential backoff the
 * delay doubles with each attempt, up to `maxDelayMs`, and is drawn uniformly from 0 to that ("full jitter"). `random`
 * is 0 ≤ x < 1.
 */
export const retryDelayMs = (retry: Retry, attempt: number, random: number): number => {
  if (retry.backoff === "fixed") return retry.delayMs;
  const doubled = retry.delayMs * 2 ** Math.min(attempt - 1, 52);
  return Math.floor(Math.min(doubled, retry.maxDelayMs) * random);
};

/** Returns whether a failed attempt is retried. `attempt` is its number, from 1. */
export const isRetried = (
  retry: Retry | null,
  failure: { readonly attempt: number; readonly transient: boolean },
): boolean => {
  if (retry === null || failure.attempt > retry.maxAttempts) return false;
  return retry.condition === "always" || (retry.condition === "transient_only" && failure.transient);
};
