import { assertNever } from "../../lib/never.ts";
import type { WaitsFor } from "../limits/waits-for.ts";
import type { RefusedWorker, WaitsForWorker } from "../workers/worker.ts";
import { labelsText, WORKER_REFUSAL_SHORT_TEXT as REFUSALS } from "./worker.ts";

/** Returns what a run or a task waits for, to complete "waits for", such as `a place in queue 'db' (1 of 1 is taken)`. */
export const waitsForText = (waitsFor: WaitsFor | WaitsForWorker): string => {
  if (waitsFor.code === "worker") return workerText(waitsFor);
  const { ahead } = waitsFor;
  const first = ahead === 0 ? "" : `; ${ahead} ${ahead === 1 ? "run comes" : "runs come"} first`;
  return `${slotText(waitsFor)}${first}`;
};

const slotText = ({ code, queue, limit, running }: WaitsFor): string => {
  const taken = `${running} of ${limit} ${running === 1 ? "is" : "are"}`;
  switch (code) {
    case "max_concurrency":
      return `another run of its job to end (max_concurrency: ${taken} running)`;
    case "gates":
      return "the gates of its job to open";
    case "queue":
      return `a place in queue '${queue}' (${taken} taken)`;
    case "max_jobs":
      return `a slot (--max-jobs: ${taken} taken)`;
    default:
      return assertNever(code);
  }
};

const blockedText = ({ by, detail, worker }: NonNullable<WaitsForWorker["blocked"]>): string => {
  const what = worker === null ? "its offer" : `what ${worker} has of it`;
  return `${by === "nats" ? `NATS to store ${what}` : `room on petit's disk for ${what}`}: ${detail}`;
};

const workerText = ({ labels, type, connected, refused = [], drained = [], blocked }: WaitsForWorker): string => {
  if (blocked !== undefined) return blockedText(blocked);
  const worker = `a worker with ${labelsText(labels)}${type === null ? "" : ` that allows ${type} tasks`}`;
  const why = refusedText(refused);
  if (connected === 0) {
    const reasons = [why, drainedText(drained)].filter((each) => each !== null);
    return `${worker}: ${reasons.length === 0 ? "none is connected" : reasons.join("; ")}`;
  }
  return `a free slot of ${worker}${why === null ? "" : `; ${why}`}`;
};

/** Number of refused workers that are named. */
const NAMED_WORKERS = 2;

const drainedText = (drained: readonly string[]): string | null => {
  if (drained.length === 0) return null;
  const others = drained.length - NAMED_WORKERS;
  const named = drained.slice(0, NAMED_WORKERS).join(", ");
  return `${named}${others > 0 ? `, and ${others} more` : ""} ${drained.length === 1 ? "is" : "are"} drained`;
};

const refusalText = ({ worker, reason, lacks = [], gap }: RefusedWorker): string => {
  switch (reason) {
    case "lacks_features":
      return `${worker} has a version of petit that does not know ${lacks.join(", ")}`;
    case "lacks_limits": {
      const [why, what] = gap === undefined ? ["", ""] : [` because ${gap.reason}`, `${gap.advice}, or `];
      const which = `${lacks.length === 1 ? "limit" : "limits"} on ${lacks.join(", ")}`;
      return `${worker} can't enforce the ${which}${why} (${what}accept that with limits.enforce: best_effort)`;
    }
    default:
      return `${worker} ${REFUSALS[reason]}`;
  }
};

const refusedText = (refused: readonly RefusedWorker[]): string | null => {
  if (refused.length === 0) return null;
  const named = refused.slice(0, NAMED_WORKERS).map(refusalText);
  const others = refused.length - named.length;
  return `${named.join(", ")}${others === 0 ? "" : `, and ${others} more get no work`}`;
};
