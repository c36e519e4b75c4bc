import { PetitError } from "../domain/errors.ts";

/** Throws `invalid_request` on a system that cannot run jobs, because they need `/bin/sh` and process groups. */
export const assertRunsJobsHere = (platform: string = process.platform): void => {
  if (platform !== "win32") return;
  throw new PetitError(
    "invalid_request",
    "petit runs jobs on Linux and macOS. On Windows it checks job files (validate, list, next) and talks to a petit elsewhere " +
      "(--url); to run jobs on this machine, run petit in WSL",
  );
};
