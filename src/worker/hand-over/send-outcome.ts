import {
  MAX_ARTIFACTS,
  MAX_OUTCOME_BYTES,
  type OutcomeAnswer,
  type ShippedOutcome,
} from "../../domain/workers/protocol.ts";
import { afterCollection } from "../../engine/attempt/exit-status.ts";
import type { Log } from "../../lib/log.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { encodeFrame } from "../../lib/wire/frame.ts";
import { InvalidRequest, type Requests } from "../contact/requests.ts";
import type { WorkerTransport } from "../transport.ts";

/** NATS accepts messages of 1 MiB, if it is not configured otherwise. */
const MAX_MESSAGE_BYTES = 524_288;

/** Leaves room for the headers of a message. */
const HEADROOM_BYTES = 1_024;

export type SendOutcomeOptions = {
  readonly requests: Pick<Requests, "outcome" | "isSameProtocol">;
  readonly transport: Pick<WorkerTransport, "putArtifact" | "maxMessageBytes">;
  readonly log: Log;
  /** Identifies the attempt in the log. */
  readonly fields: object;
};

/**
 * Sends an outcome. If the scheduler cannot read it, repeating it would never help, so the attempt fails with that as its error. A scheduler
 * of another protocol may be upgraded, so it gets the same outcome again. Throws NoAnswer, and TransportError.
 */
export const sendOutcome = async (outcome: ShippedOutcome, options: SendOutcomeOptions): Promise<OutcomeAnswer> => {
  try {
    return await send(outcome, options);
  } catch (error) {
    if (!(error instanceof InvalidRequest) || !options.requests.isSameProtocol) throw error;
    const { log, fields } = options;
    log.warn({ ...fields, err: error }, "the scheduler cannot read the outcome of an attempt, which fails therefore");
    return await send(unreadable(outcome, error.detail), options);
  }
};

/** Sends an outcome, through the object store if it is too large for a message. */
const send = async (outcome: ShippedOutcome, { requests, transport }: SendOutcomeOptions): Promise<OutcomeAnswer> => {
  const frame = encodeFrame(outcome);
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = transport;
  if (frame.length <= Math.min(MAX_MESSAGE_BYTES, maxMessageBytes - HEADROOM_BYTES))
    return await requests.outcome(outcome);
  const { scheduler, attempt, epoch } = outcome;
  const stored = `${scheduler}/${attempt}/${epoch}/outcome`;
  await transport.putArtifact(stored, new Blob([frame.slice()]).stream());
  return await requests.outcome({ stored });
};

/** Returns the outcome if the scheduler accepts its size. Otherwise returns one without its artifacts, which fails for that reason. */
export const fitOutcome = (outcome: ShippedOutcome): ShippedOutcome => {
  const problem = sizeProblem(outcome);
  return problem === null ? outcome : { ...outcome, artifacts: [], result: afterCollection(outcome.result, problem) };
};

/** Returns an outcome that needs no object store: without artifacts and outputs, and failed for that reason. */
export const bareOutcome = (outcome: ShippedOutcome, problem: string): ShippedOutcome => {
  const { outputs: _, ...result } = afterCollection(outcome.result, problem);
  return { ...outcome, artifacts: [], result: { ...result, outputs: {} } };
};

const sizeProblem = (outcome: ShippedOutcome): string | null => {
  const { length } = outcome.artifacts;
  if (length > MAX_ARTIFACTS) return `there are ${length} files; a worker can send at most ${MAX_ARTIFACTS}`;
  const bytes = encodeFrame(outcome).length;
  if (bytes <= MAX_OUTCOME_BYTES) return null;
  const list = `the outputs and the list of the ${length} files have ${formatRoundedSize(bytes)}`;
  return `${list}; a worker can send at most ${formatRoundedSize(MAX_OUTCOME_BYTES)}`;
};

const unreadable = (sent: ShippedOutcome, detail: string): ShippedOutcome => {
  const { status, reason, exitCode } = sent.result.outcome;
  const error = `petit could not read the outcome that the worker sent: ${detail}`;
  return {
    ...sent,
    artifacts: [],
    result: {
      outcome: {
        status: "failed",
        reason: status === "failed" ? reason : "artifacts_failed",
        error,
        exitCode,
        signal: null,
      },
      outputs: {},
      transient: false,
    },
  };
};
