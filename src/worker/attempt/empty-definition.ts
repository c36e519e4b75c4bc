import type { JobId } from "../../domain/ids.ts";
import { emptyJob } from "../../domain/job.ts";
import type { EngineOptions } from "../../engine/options.ts";

/** Stores the definition that all runs in the database of a worker refer to. Returns the id of its version. */
export const storeEmptyDefinition = ({ store, clock }: Pick<EngineOptions, "store" | "clock">): number => {
  const stored = store.jobs.saveDefinitions([EMPTY_JOB], clock.now()).get(EMPTY_JOB.id);
  if (stored === undefined) throw new Error("the empty definition was not stored");
  return stored.versionId;
};

const EMPTY_JOB = emptyJob({ id: "worker" as JobId, name: "worker", source: { file: "", line: 1, folder: "" } });
