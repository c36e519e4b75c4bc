import type { RunStatus } from "./run.ts";
import { type SecretSource, sourceName, type TextOrSecret } from "./secret.ts";

/**
 * How a notification is sent. `webhook` posts JSON. `healthchecks` pings a check of Healthchecks or of a service with
 * the same protocol.
 */
export const NOTIFY_TYPES = ["webhook", "healthchecks"] as const;
export type NotifyType = (typeof NOTIFY_TYPES)[number];

/**
 * The events of a notification. `failure`: a run failed or was interrupted. `recovery`: a run completed after the
 * previous one failed or was interrupted (cancelled runs do not count). `success`: a run completed. `cancelled`: a run
 * was cancelled. `missed`: occurrences were missed. `started`: a run started. `late`: an unfinished run exceeded `warn_after`.
 * `approval`: a task began to wait for a person.
 */
export const NOTIFY_EVENTS = [
  "failure",
  "recovery",
  "success",
  "cancelled",
  "missed",
  "started",
  "late",
  "approval",
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** The events that have a ping. `missed` has none, because a check notices a missing ping itself. */
export const PING_EVENTS = ["started", "success", "failure", "cancelled"] as const satisfies readonly NotifyEvent[];

export const DEFAULT_EVENTS = {
  webhook: ["failure", "recovery"],
  healthchecks: PING_EVENTS,
} as const satisfies Record<NotifyType, readonly NotifyEvent[]>;

/**
 * Statuses of a delivery:
 * - `waiting`: not accepted yet. After a crash the next start continues and may send it a second time.
 * - `delivered`: the receiver accepted it. Final.
 * - `given_up`: the receiver rejected it, or it expired. Final.
 */
export const DELIVERY_STATUSES = ["waiting", "delivered", "given_up"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** An entry of a job's `notify` list. */
export type NotifyTarget = {
  readonly type: NotifyType;
  readonly url: TextOrSecret;
  readonly on: readonly NotifyEvent[];
  /** Keyed by header name. */
  readonly headers: { readonly [name: string]: TextOrSecret };
  /** The signing secret of a webhook; null if it is not signed. */
  readonly secret: SecretSource | null;
  /** Timeout of one delivery attempt. */
  readonly timeoutMs: number;
};

/**
 * Returns the event that the end of a run is for a target that subscribes to `on`, or null. A completed run is one
 * event only: `recovery` if it is one and is subscribed to, otherwise `success`.
 */
export const eventOfEnd = (
  status: RunStatus,
  on: readonly NotifyEvent[],
  wasBroken: () => boolean,
): NotifyEvent | null => {
  const wanted = (event: NotifyEvent): NotifyEvent | null => (on.includes(event) ? event : null);
  if (status === "failed" || status === "interrupted") return wanted("failure");
  if (status === "cancelled") return wanted("cancelled");
  if (status !== "completed") return null;
  return on.includes("recovery") && wasBroken() ? "recovery" : wanted("success");
};

/** A delivery that was not accepted after this time is given up. */
export const DELIVERY_EXPIRES_MS = 24 * 3_600_000;

/** Maximum delay between two delivery attempts. */
export const MAX_DELIVERY_DELAY_MS = 15 * 60_000;

const FIRST_DELIVERY_DELAY_MS = 1_000;

/**
 * Returns the delay in ms after delivery attempt number `attempt` (from 1): 1 s, doubled with each attempt, at most
 * 15 minutes; of that, a random part between a half and the whole. `random` is 0 ≤ x < 1.
 */
export const deliveryDelayMs = (attempt: number, random: number): number => {
  const doubled = FIRST_DELIVERY_DELAY_MS * 2 ** Math.min(attempt - 1, 30);
  return Math.ceil(Math.min(doubled, MAX_DELIVERY_DELAY_MS) * (0.5 + random / 2));
};

/** Returns a URL that is safe to display: only scheme and host, or the source of a secret. */
export const maskedUrl = (url: TextOrSecret): string => {
  if (typeof url !== "string") return `(${sourceName(url)})`;
  if (!URL.canParse(url)) return "…";
  const { origin, pathname, search, hash, username } = new URL(url);
  return `${origin}/${pathname + search + hash + username === "/" ? "" : "…"}`;
};
