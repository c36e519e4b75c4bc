import type { RunStatus } from "./run.ts";

/**
 * How news of a job leaves petit: `webhook` posts JSON; `healthchecks` pings a check of Healthchecks, or of what speaks
 * its protocol.
 */
export const NOTIFY_TYPES = ["webhook", "healthchecks"] as const;
export type NotifyType = (typeof NOTIFY_TYPES)[number];

/**
 * What can be told of a job: `failure` a run failed or was interrupted · `recovery` a run completed, after the last one
 * to end had failed or was interrupted (those that were cancelled don't count) · `success` a run completed · `cancelled`
 * a run was cancelled · `missed` occurrences were missed · `started` a run began.
 */
export const NOTIFY_EVENTS = ["failure", "recovery", "success", "cancelled", "missed", "started"] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** What there is a ping for; that one is missing, a check finds out by itself. */
export const PING_EVENTS = ["started", "success", "failure", "cancelled"] as const satisfies readonly NotifyEvent[];

export const DEFAULT_EVENTS = {
  webhook: ["failure", "recovery"],
  healthchecks: PING_EVENTS,
} as const satisfies Record<NotifyType, readonly NotifyEvent[]>;

/**
 * Where a delivery is:
 * - `waiting`: nobody took it yet. A crash leaves it; the next start goes on with it, and may send it once more.
 * - `delivered`: the receiver took it. Final.
 * - `given_up`: it was refused, or nobody took it in time. Final.
 */
export const DELIVERY_STATUSES = ["waiting", "delivered", "given_up"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Where a secret is read at the moment it is needed: a variable of petit's own environment, or a file. */
export type SecretSource = { readonly env: string } | { readonly file: string };

/** A text as the job file has it, or where to read it. */
export type Discreet = string | SecretSource;

/** An entry of a job's `notify` list. */
export type NotifyTarget = {
  readonly type: NotifyType;
  readonly url: Discreet;
  readonly on: readonly NotifyEvent[];
  /** By name. */
  readonly headers: { readonly [name: string]: Discreet };
  /** What a webhook is signed with; null where it isn't. */
  readonly secret: SecretSource | null;
  /** How long an attempt to deliver may take. */
  readonly timeoutMs: number;
};

/**
 * What the end of a run is to those who want to hear of `on`; null where it is nothing to them. An end is told once: as
 * `recovery` where that was asked for, else as `success`.
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

/** A delivery that nobody took by then is given up. */
export const DELIVERY_EXPIRES_MS = 24 * 3_600_000;

/** The longest wait between two attempts to deliver. */
export const MAX_DELIVERY_DELAY_MS = 15 * 60_000;

const FIRST_DELIVERY_DELAY_MS = 1_000;

/**
 * How long to wait after attempt number `attempt` (from 1) to deliver: a second, doubled with each, at most 15 minutes;
 * of that between half and all, as `random` (0 ≤ x < 1) says.
 */
export const deliveryDelayMs = (attempt: number, random: number): number => {
  const doubled = FIRST_DELIVERY_DELAY_MS * 2 ** Math.min(attempt - 1, 30);
  return Math.ceil(Math.min(doubled, MAX_DELIVERY_DELAY_MS) * (0.5 + random / 2));
};

/** Where something is sent, as anybody may read it: of a URL no more than scheme and host, of a secret its source. */
export const maskedUrl = (url: Discreet): string => {
  if (typeof url !== "string") return "env" in url ? `(variable ${url.env})` : `(file ${url.file})`;
  if (!URL.canParse(url)) return "…";
  const { origin, pathname, search, hash, username } = new URL(url);
  return `${origin}/${pathname + search + hash + username === "/" ? "" : "…"}`;
};
