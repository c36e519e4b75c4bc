import type { JobId } from "../ids.ts";
import type { SecretSource } from "../secret.ts";

/** What can start a run of a job, beside its schedule and people. */
export const EVENT_TRIGGER_TYPES = ["webhook", "files", "run", "nats"] as const;
export type EventTriggerType = (typeof EVENT_TRIGGER_TYPES)[number];

/** The schemes by which providers sign webhooks. */
export const WEBHOOK_SCHEMES = ["github", "gitea", "gitlab", "stripe", "slack", "standard", "hmac", "token"] as const;
export type WebhookScheme = (typeof WEBHOOK_SCHEMES)[number];

export const HMAC_ALGORITHMS = ["sha256", "sha1", "sha512"] as const;
export const HMAC_ENCODINGS = ["hex", "base64"] as const;

/** How the sender of a webhook proves who it is. Only `hmac` and `token` have the other fields; in the rest they have their defaults. */
export type WebhookVerification = {
  readonly scheme: WebhookScheme;
  /** Name of the header that has the signature or the token, in lower case. Null, only of `token`, is `Authorization: Bearer`. */
  readonly header: string | null;
  /** Name of the header that has the id of the delivery, in lower case; null if there is none. */
  readonly idHeader: string | null;
  readonly algorithm: (typeof HMAC_ALGORITHMS)[number];
  readonly encoding: (typeof HMAC_ENCODINGS)[number];
  /** What the header has before the signature. */
  readonly prefix: string;
};

/** Deliveries with the same key that come close to one another become one run. */
export type Debounce = {
  /** May contain templates. */
  readonly key: string;
  /** A run starts this long after the newest delivery, in ms. */
  readonly waitMs: number;
  /** A run starts this long after the first delivery at the latest, in ms; null means no limit. */
  readonly maxWaitMs: number | null;
};

/** What all triggers have. */
type TriggerBase = {
  /** Its name among the webhooks of the job; null if it has none. */
  readonly name: string | null;
  /** An expression. Missing if there is none. */
  readonly if?: string;
  /** The params of the run; values may contain templates. */
  readonly params: { readonly [name: string]: string };
  /** Missing if each delivery gets its own run. */
  readonly debounce?: Debounce;
  /** What a delivery does when the job is at its limit. */
  readonly onOverlap: "queue" | "skip" | "replace";
  /** What happens to a delivery while the job is paused. */
  readonly onPause: "keep" | "skip";
};

export type WebhookTrigger = TriggerBase & {
  readonly type: "webhook";
  readonly verification: WebhookVerification;
  /** One or, while it is changed, two. */
  readonly secrets: readonly SecretSource[];
  /** The provider's types of events; null means all. */
  readonly events: readonly string[] | null;
  /** Names of request headers that are stored beside those of the provider, in lower case. */
  readonly headers: readonly string[];
};

/** How a run must have ended to start another one. */
export const RUN_ENDS = ["completed", "failed", "cancelled", "interrupted"] as const;
type RunEnd = (typeof RUN_ENDS)[number];

/** Starts a run when a run of another job has ended. */
export type RunTrigger = TriggerBase & {
  readonly type: "run";
  readonly jobId: JobId;
  readonly on: readonly RunEnd[];
};

/** What makes one run: each file, or all files that have settled. */
export const FILE_BATCHES = ["each", "all"] as const;
/** What happens to the files that are there when the trigger is new. */
export const EXISTING_FILES = ["ignore", "run"] as const;
/** What makes a file another one: its inode, size and time of change, or its content. */
export const FILE_IDENTITIES = ["stat", "content"] as const;

/** Maximum number of files of a run. */
export const MAX_FILES_OF_RUN = 1_000;

/** Starts a run for each new file. */
export type FilesTrigger = TriggerBase & {
  readonly type: "files";
  /** As written: absolute, or relative to the job file's folder. */
  readonly paths: readonly string[];
  /** For how long size and time of change must be the same, in ms. */
  readonly settleMs: number;
  readonly batch: (typeof FILE_BATCHES)[number];
  /** Maximum number of files of a run; 1 if each file gets its own. */
  readonly max: number;
  readonly existing: (typeof EXISTING_FILES)[number];
  /** Path of a file that must be there too, with templates; null if there is none. */
  readonly done: string | null;
  readonly identity: (typeof FILE_IDENTITIES)[number];
  /** How often petit looks for files that no event has reported, in ms. */
  readonly intervalMs: number;
};

/** Starts a run for each message of a JetStream stream. */
export type NatsTrigger = TriggerBase & {
  readonly type: "nats";
  readonly stream: string;
  /** The messages of the stream that count; may contain wildcards. */
  readonly subject: string;
  /** Names of headers that are stored beside the usual ones, in lower case. */
  readonly headers: readonly string[];
};

export type EventTrigger = WebhookTrigger | FilesTrigger | RunTrigger | NatsTrigger;

/**
 * Returns what a delivery says about its trigger: its name, or without one the other job of a `run` trigger, the stream of a `nats` trigger,
 * else null. It is unique among the triggers of a type in a job.
 */
export const triggerKey = (trigger: EventTrigger): string | null => {
  if (trigger.name !== null) return trigger.name;
  if (trigger.type === "run") return trigger.jobId;
  return trigger.type === "nats" ? trigger.stream : null;
};

/** The path of the API that a webhook of a job is sent to. */
export const hookPath = (jobId: string, name: string | null): string =>
  `/api/hooks/${jobId}${name === null ? "" : `/${name}`}`;
