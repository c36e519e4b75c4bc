import { assertNever } from "../../lib/never.ts";
import type { WaitsFor } from "../limits/waits-for.ts";
import type { WaitsForWorker } from "../workers/worker.ts";
import { labelsText } from "./worker.ts";

/** Returns what a run or a task waits for, to complete "waits for", such as `a place in queue 'db' (1 of 1 is taken)`. */
export const waitsForText = (waitsFor: WaitsFor | WaitsForWorker): string => {
  if (waitsFor.code === "worker") return workerText(waitsFor);
  const { ahead } = waitsFor;
  const first = ahead === 0 ? "" : `; ${ahead} ${ahead === 1 ? "run comes" : "runs come"} first`;
  return `${placeText(waitsFor)}${first}`;
};

const placeText = ({ code, queue, limit, running }: WaitsFor): string => {
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

const workerText = ({ labels, type, connected }: WaitsForWorker): string => {
  const worker = `a worker with ${labelsText(labels)}${type === null ? "" : ` that allows ${type} tasks`}`;
  return connected === 0 ? `${worker}: none is connected` : `a free slot of ${worker}`;
};
