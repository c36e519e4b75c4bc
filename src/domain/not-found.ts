import { suggest } from "../lib/suggest.ts";
import { PetitError } from "./errors.ts";

/** Returns a `not_found` error for a job id from a request (of any length). `known` are the existing ids, for a suggestion. */
export const jobNotFound = (jobId: string, known: Iterable<string>): PetitError => {
  const near = suggest(jobId, known);
  const hint = near === null ? "" : `; did you mean '${near}'?`;
  return new PetitError("not_found", `job '${shown(jobId)}' was not found${hint}`);
};

/** Returns a `not_found` error for a run id, without a suggestion. */
export const runNotFound = (runId: string): PetitError =>
  new PetitError("not_found", `run '${shown(runId)}' was not found`);

const shown = (id: string): string => (id.length > 130 ? `${id.slice(0, 130)}…` : id);
