import { PetitError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import type { FilesRepository } from "../options.ts";
import { SpawnError } from "./spawn-error.ts";

/** Makes sure that the files of a definition are as its commit is. Rejects with SpawnError if they can't be had. */
export type EnsureFiles = (job: Pick<Job, "source">) => Promise<void>;

/** Returns the function that does so for a repository. Files in a folder are whatever they are. */
export const ensureFilesOf =
  (repository: Pick<FilesRepository, "ensure"> | null): EnsureFiles =>
  async ({ source: { commit } }) => {
    if (repository === null || commit === undefined) return;
    try {
      await repository.ensure(commit.id);
    } catch (error) {
      throw error instanceof PetitError && error.code === "conflict" ? new SpawnError("ENOENT", error.message) : error;
    }
  };
