import type { RunId } from "../../domain/ids.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import type { Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import { type WorkerWait, waitsForWorker } from "../../domain/workers/waiting.ts";
import type { WaitsForWorker } from "../../domain/workers/worker.ts";
import { assertNever } from "../../lib/never.ts";
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

/** Returns what an unfinished run waits for. The code decides, and the limit or the worker only explains it. */
export const waitOf = (engine: ApiEngine, { id }: Pick<Run, "id">): RunWait => {
  const waitingFor = engine.waitingFor(id);
  return { waitsFor: waitsForOf(engine, { id, waitingFor }), waitingFor };
};

type Waiting = { readonly id: RunId; readonly waitingFor: WaitingCode | null };

const waitsForOf = (engine: ApiEngine, { id, waitingFor }: Waiting): WaitsFor | WaitsForWorker | null => {
  switch (waitingFor) {
    case "queue":
    case "gates":
      return engine.waitsFor(id);
    case "worker":
      return listWaits(engine, id)[0]?.waitsFor ?? null;
    case "approval":
    case "child":
    case "retry":
    case null:
      return null;
    default:
      return assertNever(waitingFor);
  }
};
