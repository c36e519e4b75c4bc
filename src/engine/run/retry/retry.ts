import { PetitError } from "../../../domain/errors.ts";
import { isFinal, type Run } from "../../../domain/run.ts";
import type { RetryScope } from "../../engine.ts";
import { start, type TriggerOptions } from "../trigger.ts";
import { planRetry, type RetryParts } from "./retry-plan.ts";

export type RetryRequest = {
  readonly scope: RetryScope;
  /** The person who requested it: the name of a token, otherwise an address. Null if petit did. */
  readonly by: string | null;
};

/**
 * Starts a new run that repeats `run` with the current definition of the job. The results of the tasks outside of the scope
 * are reused.
 */
export const retry = (run: Run, { scope, by }: RetryRequest, options: TriggerOptions): Run => {
  const plan = planRetry(run, scope, options);
  if (plan instanceof PetitError) throw plan;
  const { stored, params, reused } = plan;
  const { scheduledFor, intervalStart } = run;
  const origin = {
    trigger: "retry",
    scheduledFor,
    intervalStart,
    retry: { of: run.id, reused },
    triggeredBy: by,
  } as const;
  const delivery = run.deliveryId === null ? {} : { delivery: { id: run.deliveryId, chain: run.chain } };
  return start({ stored, params, ...origin, ...delivery, idempotency: null }, options);
};

/**
 * Returns whether a retry of what did not complete would find something to rerun. It ignores limits and dependencies, which
 * can change at any time.
 */
export const canRetry = (run: Run, options: RetryParts): boolean =>
  // Each answer about a run says it, and most of these are about runs that go on or have completed.
  isFinal(run.status) &&
  run.status !== "completed" &&
  !(planRetry(run, { kind: "rest" }, options) instanceof PetitError);
