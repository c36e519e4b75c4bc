import type { RunId } from "../../domain/ids.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import type { Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import { type WorkerWait, waitsForWorker } from "../../domain/workers/waiting.ts";
import type { WaitsForWorker } from "../../domain/workers/worker.ts";
import type { ApiEngine, ApiStore } from "../options.ts";
import type { RunWait } from "../shapes/run.ts";
import type { RemoteFacts } from "../shapes/task.ts";

type Sources = { readonly engine: ApiEngine; readonly store: ApiStore };

/** Returns what is known about those of the attempts of a run that other machines run. */
export const remoteFacts = (
  { engine, store }: Sources,
  runId: RunId,
  attempts: readonly Pick<Attempt, "worker">[],
): RemoteFacts => ({
  waits: listWaits(engine, runId),
  notes: attempts.some(({ worker }) => worker !== null) ? store.notes.list(runId) : [],
});

const listWaits = (engine: ApiEngine, runId: RunId): RemoteFacts["waits"] => {
  const { workers } = engine;
  const blocked = engine.listBlockedAttempts(runId);
  const isBlocked = ({ taskId, item }: WorkerWait): boolean =>
    blocked.some((each) => each.taskId === taskId && each.item === item);
  const open = engine.listWorkerWaits(runId).filter((wait) => !isBlocked(wait));
  return [...blocked, ...open].map((wait) => ({ ...wait, waitsFor: waitsForWorker(wait, workers) }));
};

/** Returns what an unfinished run waits for. */
export const waitOf = (sources: Sources, run: Pick<Run, "id">): RunWait => ({
  waitsFor: waitsForOf(sources, run),
  waitingFor: sources.engine.waitingFor(run.id),
});

/** Returns what an unfinished run waits for: a limit, or a worker if nothing else of it is running. Null if nothing keeps it. */
const waitsForOf = (sources: Sources, { id }: Pick<Run, "id">): WaitsFor | WaitsForWorker | null => {
  const place = sources.engine.waitsFor(id);
  if (place !== null) return place;
  const waits = listWaits(sources.engine, id);
  const [first] = waits;
  return first === undefined || isRunning(sources.store, id, waits) ? null : first.waitsFor;
};

/** Returns whether an attempt of a run is running that does not wait for a worker. */
const isRunning = (store: ApiStore, runId: RunId, waits: RemoteFacts["waits"]): boolean => {
  const waiting = new Set(waits.map(({ taskId, item }) => `${taskId} ${item}`));
  return store.runs
    .listAttempts(runId)
    .some(({ status, taskId, item }) => status === "running" && !waiting.has(`${taskId} ${item}`));
};
