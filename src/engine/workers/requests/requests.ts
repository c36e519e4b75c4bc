import { PetitError } from "../../../domain/errors.ts";
import { TransportError } from "../../../domain/workers/link.ts";
import {
  type FailureAnswer,
  MAX_OUTCOME_BYTES,
  MessageError,
  type OutcomeAnswer,
  type OutputAnswer,
  readClaim,
  readHello,
  readOutcome,
  readOutput,
  readStoredOutcome,
} from "../../../domain/workers/protocol.ts";
import { abortQuietly } from "../../../lib/abort.ts";
import { sleep } from "../../../lib/clock.ts";
import { assertNever } from "../../../lib/never.ts";
import { formatSize } from "../../../lib/size.ts";
import { decodeFrame } from "../../../lib/wire/frame.ts";
import type { RemoteContext } from "../remote-context.ts";
import type { WorkerRequest } from "../transport.ts";
import { answerClaim, type ClaimOptions } from "./claims.ts";
import { type GreetOptions, greet } from "./greet.ts";
import { answerOutcome } from "./outcomes.ts";

export type RequestOptions = ClaimOptions & GreetOptions;

const NOT_YOURS = { refused: "not_yours" } as const;

/**
 * Answers a request of a worker. It changes the state before it awaits anything, so requests take effect in the order in which they
 * arrive. Returns null to send no answer. The worker then repeats the request.
 */
export const answerRequest = async (request: WorkerRequest, options: RequestOptions): Promise<object | null> => {
  const { context } = options;
  if (context.detach.aborted) return null;
  try {
    return await answer(request, options);
  } catch (error) {
    return context.detach.aborted ? null : failureOf(error, request, context);
  }
};

const answer = async ({ worker, kind, frame }: WorkerRequest, options: RequestOptions): Promise<object> => {
  const { context } = options;
  switch (kind) {
    case "hello": {
      const answered = greet(worker, readHello(frame.header), options);
      if ("failed" in answered) return answered;
      // Send the answer even if the queues could not be created in time. The worker waits for them.
      await withinTime(context, prepare(worker, answered.sets, context));
      return answered;
    }
    case "claim":
      return await answerClaim(worker, readClaim(frame.header), options);
    case "output":
      return await answerOutput(worker, frame, context);
    case "outcome":
      return await answerAnyOutcome(worker, frame, context);
    default:
      return assertNever(kind);
  }
};

/** How long the answer to a hello waits for NATS at most, in ms. */
const PREPARE_MS = 500;

const withinTime = async ({ clock }: RemoteContext, work: Promise<void>): Promise<void> => {
  const over = new AbortController();
  await Promise.race([work, sleep(clock, PREPARE_MS, over.signal)]);
  abortQuietly(over);
};

/** Answers an outcome, which is in the object store if it is too large for a message. */
const answerAnyOutcome = async (
  worker: string,
  { header }: WorkerRequest["frame"],
  context: RemoteContext,
): Promise<OutcomeAnswer | FailureAnswer> => {
  if (typeof header !== "object" || header === null || !("stored" in header))
    return await answerOutcome(worker, readOutcome(header), context);
  const { stored } = readStoredOutcome(header);
  const outcome = readOutcome(await readStored(await context.transport.getArtifact(worker, stored)));
  const answer = await answerOutcome(worker, outcome, context);
  // If this fails, NATS deletes the object when it expires.
  if ("stored" in answer) void context.transport.deleteArtifact(worker, stored).catch(() => {});
  return answer;
};

const readStored = async (content: ReadableStream<Uint8Array>): Promise<unknown> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > MAX_OUTCOME_BYTES) throw new MessageError(`the outcome has more than ${formatSize(MAX_OUTCOME_BYTES)}`);
    chunks.push(chunk);
  }
  const frame = decodeFrame(Buffer.concat(chunks));
  if (frame === null) throw new MessageError("the stored outcome is not a message");
  return frame.header;
};

/** Creates the queues and the store that a worker needs in NATS. If that fails, its next hello tries again. */
const prepare = async (worker: string, sets: readonly string[], { transport, log }: RemoteContext): Promise<void> => {
  try {
    await Promise.all([transport.openArtifacts(worker), transport.openSets(sets)]);
  } catch (error) {
    const level = error instanceof TransportError ? "debug" : "error";
    log[level]({ err: error, worker }, "cannot prepare the queues of a worker");
  }
};

const answerOutput = async (
  worker: string,
  frame: WorkerRequest["frame"],
  { attempts, store, scheduler }: RemoteContext,
): Promise<OutputAnswer | FailureAnswer> => {
  const message = readOutput(frame.header);
  if (message.scheduler !== scheduler) return NOT_YOURS;
  const live = attempts.get(message.attempt);
  if (live?.isClaimedBy(worker, message.epoch)) {
    const acknowledged = await live.output.receive(message, frame.body);
    return acknowledged === null ? NOT_YOURS : { acknowledged };
  }
  const offer = live?.offer ?? store.offers.find(message.attempt);
  const isItsOwn = offer?.claim?.worker === worker && offer.epoch === message.epoch;
  // Its end is being stored, or petit stops.
  return isItsOwn && offer.state === "claimed" ? { failed: "unavailable" } : NOT_YOURS;
};

const failureOf = (
  error: unknown,
  { worker, kind }: WorkerRequest,
  { log, repeats, clock }: RemoteContext,
): FailureAnswer => {
  const fields = { err: error, worker, request: kind };
  if (error instanceof MessageError) {
    const isNew = repeats.isNew(`${worker} ${kind}`, error.message, clock.monotonic());
    log[isNew ? "warn" : "debug"](fields, "a worker sent an invalid message");
    return { failed: "invalid", detail: error.message };
  }
  if (error instanceof TransportError || (error instanceof PetitError && error.code === "storage_failed"))
    log.debug(fields, "cannot answer a worker yet");
  else log.error(fields, "cannot answer a worker");
  return { failed: "unavailable" };
};
