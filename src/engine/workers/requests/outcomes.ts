import { needsCgroup, type TaskLimits } from "../../../domain/limits/task-limits.ts";
import type { Reason } from "../../../domain/run.ts";
import type { AttemptUsage } from "../../../domain/task-run.ts";
import type { FailureAnswer, OutcomeAnswer, ShippedOutcome } from "../../../domain/workers/protocol.ts";
import { afterCollection } from "../../attempt/exit-status.ts";
import { MAX_OUTPUTS_BYTES } from "../../attempt/outputs-file.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import { offeredTask } from "../offered-task.ts";
import type { RemoteContext } from "../remote-context.ts";
import { receiveArtifacts } from "./received-artifacts.ts";

const STORED = { stored: true } as const;
const NOT_YOURS = { refused: "not_yours" } as const;
const UNAVAILABLE = { failed: "unavailable" } as const;

type Answer = OutcomeAnswer | FailureAnswer;

/**
 * Ends an attempt as its worker reports. Only the worker that has claimed the current epoch can end it. Reports of others are stored as
 * notes. Resolves when the end is on disk.
 */
export const answerOutcome = async (
  worker: string,
  message: ShippedOutcome,
  context: RemoteContext,
): Promise<Answer> => {
  if (message.scheduler !== context.scheduler) return NOT_YOURS;
  const live = context.attempts.get(message.attempt);
  if (live?.isClaimedBy(worker, message.epoch)) return await end(live, worker, { message, context });
  // The end of the attempt is decided, but not stored yet.
  if (live?.isOver) {
    await live.stored;
    if (context.detach.aborted) return UNAVAILABLE;
  }
  return answerLate(worker, message, context);
};

type Ending = { readonly message: ShippedOutcome; readonly context: RemoteContext };

/** Ends an attempt, once, however often the worker asks. */
const end = async (live: LiveAttempt, worker: string, { message, context }: Ending): Promise<Answer> => {
  if (live.outcome !== null) return UNAVAILABLE;
  const { storedOffset } = live.offer;
  if (message.offset > storedOffset) return { again: "output", offset: storedOffset };
  const ended = collect(live, worker, { message, context });
  live.outcome = ended;
  const answer = await ended.catch((error: unknown) => {
    live.outcome = null;
    throw error;
  });
  if (answer !== null) {
    live.outcome = null;
    return answer;
  }
  await live.stored;
  if (context.detach.aborted) return UNAVAILABLE;
  // If this fails, NATS deletes the object when it expires.
  for (const { object } of message.artifacts) void context.transport.deleteArtifact(worker, object).catch(() => {});
  return STORED;
};

/** Stores what belongs to the end. Then the end is decided, and null is returned. */
const collect = async (live: LiveAttempt, worker: string, { message, context }: Ending): Promise<Answer | null> => {
  const { result, artifacts, durationMs } = message;
  const received = await receiveArtifacts(live, { transport: context.transport, worker, artifacts });
  if (received.status === "missing") return { again: "artifacts" };
  // The worker keeps its files, and sends the outcome again. It need not wait for files of a run that is being ended.
  if (received.status === "failed" && received.mayPass && live.end === null) {
    noteFullDisk(live, received.problem, context);
    return UNAVAILABLE;
  }
  live.blocked = null;
  await live.output.settle();
  if (!live.isClaimedBy(worker, message.epoch)) return UNAVAILABLE;
  const limits = offeredTask(live.options).limits ?? {};
  const { skips, retryAfterMs, usage, memoryLimitBytes, limitsEnforced, ...rest } = afterCollection(
    acceptable(result, { worker, limits }),
    received.status === "failed" ? received.problem : null,
  );
  const startedAt = live.claim?.at ?? 0;
  live.finish({
    ...rest,
    ...(skips !== undefined && { skips }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    usage: usage ?? null,
    ...inForce({ memoryLimitBytes, limitsEnforced }, limits),
    endedAt: Math.min(live.options.now(), startedAt + durationMs),
  });
  return null;
};

/** Notes why the artifacts of an attempt can't be stored now, and logs it if that is new. */
const noteFullDisk = (live: LiveAttempt, detail: string, { clock, log }: RemoteContext): void => {
  if (live.blocked === null) log.warn({ ...live.logFields, detail }, "cannot store the artifacts of an attempt yet");
  live.blocked = { by: "disk", detail, since: live.blocked?.since ?? clock.now() };
};

/** Returns a result that can be stored. One that no attempt can have ends the attempt, because the worker would only repeat it. */
const acceptable = (result: Result, { worker, limits }: Accepting): Result => {
  const problem = problemOf(result, limits);
  if (problem === null) return result;
  const error = `internal error: worker ${worker} reported an end that no attempt can have: ${problem}`;
  const outcome = { status: "failed", reason: "internal_error", error, exitCode: null, signal: null } as const;
  return { outcome, outputs: {}, transient: false };
};

type Result = ShippedOutcome["result"];

type Accepting = { readonly worker: string; readonly limits: TaskLimits };

type InForce = Pick<AttemptUsage, "memoryLimitBytes" | "limitsEnforced">;

/** Returns which limits were in force as a worker reports, without those that the task does not have. */
const inForce = (
  { memoryLimitBytes, limitsEnforced }: { readonly [Field in keyof InForce]: InForce[Field] | undefined },
  limits: TaskLimits,
): InForce => ({
  memoryLimitBytes: memoryLimitBytes == null ? null : (limits.memoryBytes ?? null),
  limitsEnforced: needsCgroup(limits) ? (limitsEnforced ?? null) : null,
});

const MAX_EXIT_CODE = 0xffff_ffff;

const problemOf = ({ outcome, outputs }: Result, { memoryBytes }: TaskLimits): string | null => {
  const { status, reason, exitCode } = outcome;
  if (status === "completed" && reason !== null) return `it completed with the reason ${reason}`;
  if (status === "failed" && (reason === null || !WORKER_REASONS.has(reason)))
    return `it failed with the reason ${reason}`;
  if (reason === "out_of_memory" && memoryBytes === undefined) return "it ran out of memory without a limit";
  if (exitCode !== null && Math.abs(exitCode) > MAX_EXIT_CODE) return `it has the exit code ${exitCode}`;
  let bytes = 0;
  for (const [key, value] of Object.entries(outputs)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes > MAX_OUTPUTS_BYTES ? `it has ${bytes} bytes of outputs` : null;
};

/** Why an attempt can fail on a worker. Whether it is lost, only petit decides. */
const WORKER_REASONS: ReadonlySet<Reason> = new Set([
  "exit_code",
  "signal",
  "out_of_memory",
  "timeout",
  "spawn_failed",
  "cancelled",
  "shutdown",
  "interrupted",
  "artifacts_failed",
  "internal_error",
]);

/** Answers an outcome that is repeated, or that arrives too late. Only the worker that had the attempt can leave a note on it. */
const answerLate = (
  worker: string,
  message: ShippedOutcome,
  { store, clock, log, attempts }: RemoteContext,
): Answer => {
  const { attempt: attemptId, epoch, result, durationMs } = message;
  const offer = store.offers.find(attemptId);
  const isItsOwn = offer?.claim?.worker === worker && offer.epoch === epoch;
  if (!isItsOwn && attempts.get(attemptId)?.wasClaimedBy(worker, epoch) !== true) return NOT_YOURS;
  if (isItsOwn && offer.state === "ended") return STORED;
  if (isItsOwn && offer.state === "claimed") return UNAVAILABLE;
  const { status, reason, exitCode, signal } = result.outcome;
  const detail = { status, reason, exit_code: exitCode, signal, duration_ms: durationMs };
  store.notes.add({ attemptId, at: clock.now(), worker, epoch, code: "late_outcome", detail });
  log.warn({ attempt: attemptId, epoch, worker, ...detail }, "an outcome came too late; it is kept as a note");
  return NOT_YOURS;
};
