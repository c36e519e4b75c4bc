import { createHash } from "node:crypto";
import type { NatsTrigger } from "../../../domain/deliveries/trigger.ts";
import { TRACE_HEADERS } from "../../../lib/wire/trace-parent.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import { bodyOf, MAX_BODY_BYTES } from "../body.ts";
import type { Arrival } from "../deliveries.ts";
import type { StreamMessage, StreamState } from "./message-source.ts";

/** Headers of every message that its event has. */
const COMMON_HEADERS = ["content-type", "nats-msg-id"];

const MAX_ID = 200;

type Received = {
  readonly stored: StoredJob;
  readonly trigger: NatsTrigger;
  readonly message: StreamMessage;
  readonly state: Pick<StreamState, "createdAt">;
  /** True if petit sends traces, so that the event has the headers of the span that caused it. */
  readonly isTracing: boolean;
};

/** Returns a message as an event for a job. */
export const arrivalOf = ({ stored, trigger, message, state, isTracing }: Received): Arrival => {
  const { subject, sequence: seq, body } = message;
  const { stream } = trigger;
  const headers = headersOf(message, isTracing ? [...trigger.headers, ...TRACE_HEADERS] : trigger.headers);
  const headerBytes = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  const isTooLarge = body.length + headerBytes > MAX_BODY_BYTES;
  return {
    stored,
    trigger,
    eventTypes: [],
    providerId: messageId(stream, message, state),
    signedBody: null,
    chain: 0,
    isTooLarge,
    event: isTooLarge ? { subject, stream, seq } : { body: bodyOf(body), headers, subject, stream, seq },
  };
};

/**
 * Returns what identifies a message, however often it comes. Without an id of its publisher, that is its number and when the stream stored it:
 * a stream that was created again, or whose server has lost messages, gives a number to another message.
 */
const messageId = (
  stream: string,
  { sequence, storedAt, publisherId }: Pick<StreamMessage, "sequence" | "storedAt" | "publisherId">,
  { createdAt }: Pick<StreamState, "createdAt">,
): string => {
  const id = publisherId === null ? `${stream}:${sequence}@${storedAt}` : `${stream}:id:${publisherId}@${createdAt}`;
  return id.length <= MAX_ID ? id : `sha256:${createHash("sha256").update(id).digest("hex")}`;
};

const headersOf = ({ headers }: StreamMessage, own: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...new Set([...COMMON_HEADERS, ...own])].flatMap((name) => {
      const value = headers.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** Returns the name of the consumer of a trigger: the beginning of the job's id is for people. */
export const consumerName = (jobId: string, trigger: string): string => {
  const digest = createHash("sha256")
    .update(JSON.stringify([jobId, trigger]))
    .digest("hex");
  return `petit-${jobId.replaceAll(".", "_").slice(0, 40)}-${digest.slice(0, 16)}`;
};
