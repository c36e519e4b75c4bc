import { suggest } from "../lib/suggest.ts";
import { PetitError } from "./errors.ts";

/** Of an id as it came from outside, so that its length is anybody's guess; `known` are the ids that there are. */
export const jobNotFound = (jobId: string, known: Iterable<string>): PetitError => {
  const near = suggest(jobId, known);
  const hint = near === null ? "" : `; did you mean '${near}'?`;
  return new PetitError("not_found", `job '${shown(jobId)}' was not found${hint}`);
};

/** As `jobNotFound`; ids of runs are not guessed at. */
export const runNotFound = (runId: string): PetitError =>
  new PetitError("not_found", `run '${shown(runId)}' was not found`);

const shown = (id: string): string => (id.length > 130 ? `${id.slice(0, 130)}…` : id);
