import { isAbsolute, relative, resolve } from "node:path";
import type { Job } from "../../domain/job.ts";
import type { Problem } from "../../jobfile/problem.ts";

/** What `petit validate` has found. Paths are relative to the current folder. */
export type Findings = {
  readonly jobs: readonly Job[];
  readonly problems: readonly Problem[];
  /** What may go wrong on this machine; of no file in particular. */
  readonly warnings: readonly string[];
  readonly isValid: boolean;
};

/** Where petit runs, which reports for other programs name. */
export type ReportPlace = {
  /** The folder to which their paths are relative. */
  readonly root: string;
  readonly version: string;
};

/** Returns a path relative to a folder, with slashes, or null if it is not in it. */
export const pathWithin = (root: string, path: string): string | null => {
  const within = relative(root, resolve(path));
  return within === "" || within === ".." || /^\.\.[\\/]/.test(within) || isAbsolute(within)
    ? null
    : within.replaceAll("\\", "/");
};
