import type { DeliverySkip, EventData } from "../../domain/deliveries/delivery.ts";
import type { EventTrigger } from "../../domain/deliveries/trigger.ts";
import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { MAX_CHAIN, type ParamValues } from "../../domain/run.ts";
import { Expression, type ExpressionScope } from "../../jobfile/expression/expression.ts";
import { ExpressionWork } from "../../jobfile/expression/work.ts";
import {
  expandOptional,
  expandTemplate,
  expressionScope,
  parseIf,
  type TemplateScope,
} from "../../jobfile/template.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { AdmissionState } from "../schedule/admission.ts";

/** A verified event for a job, before petit decides about it. */
export type IncomingEvent = {
  /** The provider's types, the usual one first; none for a type of trigger that has no events. */
  readonly eventTypes: readonly string[];
  readonly data: EventData;
  /** True if its body is too large to be stored. */
  readonly isTooLarge: boolean;
  /** How many runs have started one another by `run` triggers before it. */
  readonly chain: number;
};

/** What a decision about a delivery depends on, beside the job and the event. */
export type DeliveryState = AdmissionState & {
  /** The job or the scheduler is paused. */
  readonly isPaused: boolean;
};

export type DeliveryVerdict =
  | { readonly kind: "skip"; readonly reason: DeliverySkip; readonly problem: string | null }
  /** Keep it until the job resumes. */
  | { readonly kind: "keep" }
  /** Wait for more deliveries of the same key. */
  | { readonly kind: "debounce"; readonly key: string }
  | Start;

/** Create a run: that starts now, that waits for its turn, or that also ends the runs which block it. */
type Start = { readonly kind: "start" | "queue" | "replace"; readonly params: ParamValues };

/** Decides about a delivery that has just arrived. */
export const decideArrival = (
  job: Job,
  trigger: EventTrigger,
  event: IncomingEvent,
  state: DeliveryState,
): DeliveryVerdict => {
  if (!job.enabled) return skip("disabled");
  if (event.isTooLarge) return skip("too_large");
  if (!isWanted(trigger, event.eventTypes)) return skip("event");
  const condition = evaluateIf(job, trigger, event.data);
  if (condition !== true) return skip("condition_not_met", condition === false ? null : condition.problem);
  return decideWaiting(job, trigger, event, { ...state, isDebounced: false });
};

const isWanted = (trigger: EventTrigger, types: readonly string[]): boolean =>
  trigger.type !== "webhook" || trigger.events === null || types.some((type) => trigger.events?.includes(type));

/** Decides about a delivery that has waited for the end of a pause, or for more of the same key. */
export const decideWaiting = (
  job: Job,
  trigger: EventTrigger,
  event: Pick<IncomingEvent, "data" | "chain">,
  state: DeliveryState & { /** It has waited for more of the same key already. */ readonly isDebounced: boolean },
): DeliveryVerdict => {
  if (!job.enabled) return skip("disabled");
  const resolved = paramsOf(job, trigger, event.data);
  if ("problem" in resolved) return skip("invalid_params", resolved.problem);
  if (event.chain > MAX_CHAIN) return skip("too_deep");
  if (state.isPaused) return trigger.onPause === "skip" ? skip("paused") : { kind: "keep" };
  const { debounce } = trigger;
  if (debounce !== undefined && !state.isDebounced) {
    const key = expandFor(job, debounce.key, event.data);
    return typeof key === "string" ? { kind: "debounce", key } : skip("invalid_params", `debounce.key: ${key.problem}`);
  }
  return admit(job, trigger, resolved, state);
};

/** Decides about a delivery that a person repeats: whatever was decided about it before, it gets a run. */
export const decideReplay = (
  job: Job,
  trigger: EventTrigger,
  event: Pick<IncomingEvent, "data">,
  state: AdmissionState,
): DeliveryVerdict => {
  const resolved = paramsOf(job, trigger, event.data);
  if ("problem" in resolved) return skip("invalid_params", resolved.problem);
  return admit(job, { ...trigger, onOverlap: "queue" }, resolved, state);
};

const skip = (reason: DeliverySkip, problem: string | null = null): DeliveryVerdict => ({
  kind: "skip",
  reason,
  problem,
});

const admit = (
  job: Job,
  { onOverlap }: Pick<EventTrigger, "onOverlap">,
  { params }: { readonly params: ParamValues },
  { shutGates, running, pending, isFull }: AdmissionState,
): DeliveryVerdict => {
  if (shutGates.length > 0) return skip("dependency");
  if (job.maxConcurrency !== null && running + pending >= job.maxConcurrency)
    return onOverlap === "skip" ? skip("overlap") : { kind: onOverlap, params };
  return { kind: isFull ? "queue" : "start", params };
};

type Problem = { readonly problem: string };

const evaluateIf = (job: Job, trigger: EventTrigger, event: EventData): boolean | Problem => {
  if (trigger.if === undefined) return true;
  const expression = parseIf(trigger.if);
  if (!(expression instanceof Expression)) return { problem: `if ${expression.problem}` };
  try {
    return expression.isTrue(scopeOfExpression(job, event, expression), new ExpressionWork());
  } catch (error) {
    return { problem: `if: ${errorMessage(error)}` };
  }
};

const scopeOfExpression = (job: Job, event: EventData, expression: Expression): ExpressionScope =>
  expressionScope(scopeOf(job, event), expression);

const paramsOf = (job: Job, trigger: EventTrigger, event: EventData): { readonly params: ParamValues } | Problem => {
  const scope = scopeOf(job, event);
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(trigger.params)) {
    try {
      const expanded = expandOptional(value, scope);
      if (expanded !== null) given[name] = expanded;
    } catch (error) {
      return { problem: `params.${name}: ${errorMessage(error)}` };
    }
  }
  const resolved = resolveParams(job.params, given);
  if ("values" in resolved) return { params: resolved.values };
  return { problem: resolved.problems.map(({ problem }) => problem).join("; ") };
};

/** Expands the templates of a text for an event. */
export const expandFor = (job: Job, text: string, event: EventData): string | Problem => {
  try {
    return expandTemplate(text, scopeOf(job, event));
  } catch (error) {
    return { problem: errorMessage(error) };
  }
};

/** The values for the expressions of a trigger. No run exists yet. */
const scopeOf = (job: Job, event: EventData): TemplateScope => ({
  params: {},
  config: job.config,
  outputs: new Map(),
  statuses: new Map(),
  itemCounts: new Map(),
  item: null,
  jobId: job.id,
  runId: "",
  scheduledFor: null,
  intervalStart: null,
  event,
});
