import type { NotifyType, TargetOf } from "../../../domain/notification.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { Sending } from "../../../store/notifications.ts";
import type { NotificationBody } from "../notification-body.ts";
import type { SendResult } from "../send.ts";

/**
 * Header with the id of the sending. It is the same in every attempt, so that a receiver can recognize repetitions.
 */
export const SENDING_HEADER = "Petit-Delivery";

/** Header with the event of the notification. */
export const EVENT_HEADER = "Petit-Event";

/** What is sent: the event, and its message as JSON. */
export type Notice = Pick<Sending, "runId" | "notice"> & {
  /** The same in every attempt to deliver it. */
  readonly id: string;
  readonly event: NotificationBody["event"];
};

/** A target whose secrets have been read. */
export type OpenTarget<Type extends NotifyType> = {
  readonly target: TargetOf<Type>;
  /** The texts that can be secret, by the path of their field. */
  readonly values: ReadonlyMap<string, string>;
  /** Folder of the job file, to which paths are relative. */
  readonly folder: string;
};

export type SendTools = {
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, "request">;
  /** Aborts the attempt. */
  readonly signal: AbortSignal;
};

export type CheckTools = {
  /** The environment of petit, which can name a proxy. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** The result of a check of a receiver. `text` says how it was reached, or why not, and contains no secret. */
export type ReceiverCheck = { readonly isReachable: boolean; readonly text: string };

/** How the receivers of one type are reached. */
export type NotifyService<Type extends NotifyType> = {
  /** Makes one attempt to deliver a notification. Never throws. */
  readonly send: (notice: Notice, target: OpenTarget<Type>, tools: SendTools) => Promise<SendResult>;
  /** Connects to a receiver without sending anything. Never throws. */
  readonly check: (target: OpenTarget<Type>, tools: CheckTools) => Promise<ReceiverCheck>;
  /** Identifies the connection to a receiver: those with the same key need only one check. Null if it is invalid. */
  readonly connectionKey: (target: OpenTarget<Type>) => string | null;
};
