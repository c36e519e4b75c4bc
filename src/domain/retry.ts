/** When a failed attempt is made again: `always`; only a passing fault (`transient_only`); `never`. */
export const RETRY_CONDITIONS = ["always", "transient_only", "never"] as const;
export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

export const BACKOFFS = ["fixed", "exponential"] as const;
export type Backoff = (typeof BACKOFFS)[number];

export type Retry = {
  /** Retries after the first attempt; 0 means none. */
  readonly maxAttempts: number;
  readonly delayMs: number;
  readonly backoff: Backoff;
  /** Upper bound of an exponential delay. */
  readonly maxDelayMs: number;
  readonly condition: RetryCondition;
};

/**
 * How long to wait before the attempt that follows attempt number `attempt` (from 1).
 * Exponential: the delay doubles with each attempt, is capped by `maxDelayMs`, and is drawn evenly from 0 to that
 * ("full jitter"); `random` is 0 ≤ x < 1.
 */
export const retryDelayMs = (retry: Retry, attempt: number, random: number): number => {
  if (retry.backoff === "fixed") return retry.delayMs;
  const doubled = retry.delayMs * 2 ** Math.min(attempt - 1, 52);
  return Math.floor(Math.min(doubled, retry.maxDelayMs) * random);
};

/** Whether an attempt that failed this way is made again; `attempt` is the number of the one that failed, from 1. */
export const isRetried = (
  retry: Retry | null,
  failure: { readonly attempt: number; readonly transient: boolean },
): boolean => {
  if (retry === null || failure.attempt > retry.maxAttempts) return false;
  return retry.condition === "always" || (retry.condition === "transient_only" && failure.transient);
};
