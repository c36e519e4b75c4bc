import { WORKER_NAME_PATTERN } from "../domain/workers/labels.ts";
import { REQUEST_KINDS, type RequestKind } from "../engine/workers/transport.ts";

/** The stream with the offers: each message is removed when it is acknowledged. */
export const OFFER_STREAM = "petit_offers";

/** The stream with the record of the scheduler that uses the account. */
export const SCHEDULER_STREAM = "petit_scheduler";
export const SCHEDULER_SUBJECT = "petit.scheduler";

/** Each label set has its subject in the stream, and a consumer of the same name. */
export const offerSubject = (set: string): string => `petit.offer.${set}`;
export const setConsumer = (set: string): string => `set-${set}`;

export const requestSubject = (worker: string, kind: RequestKind): string => `petit.worker.${worker}.${kind}`;

/** All requests of all workers. */
export const ALL_REQUESTS = "petit.worker.*.*";

/** Returns the sender and the kind of a request, or null for another subject. */
export const parseRequestSubject = (
  subject: string,
): { readonly worker: string; readonly kind: RequestKind } | null => {
  const [, worker = "", given = ""] = REQUEST.exec(subject) ?? [];
  const kind = REQUEST_KINDS.find((each) => each === given);
  return !WORKER_NAME.test(worker) || kind === undefined ? null : { worker, kind };
};

const REQUEST = /^petit\.worker\.([^.]+)\.([a-z]+)$/;
const WORKER_NAME = new RegExp(WORKER_NAME_PATTERN);

export const controlSubject = (worker: string): string => `petit.control.${worker}`;

/**
 * Answers go to subjects that only their receiver may subscribe to. The name of a worker cannot begin with an underscore, so the inbox of
 * the scheduler cannot be that of a worker.
 */
export const SCHEDULER_INBOX = "_INBOX__scheduler";
export const workerInbox = (worker: string): string => `_INBOX_${worker}`;

/** The object stores. Each worker has its own for artifacts, so that no worker can read or replace those of another. */
export const SCRIPT_BUCKET = "petit-scripts";
export const artifactBucket = (worker: string): string => `petit-artifacts-${worker}`;
