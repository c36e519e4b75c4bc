import { dirname, join } from "node:path";
import type { Job } from "../../domain/job.ts";
import type { Problem } from "../problem.ts";
import {
  byPlace,
  type FolderToRead,
  findConflicts,
  loadPatternsOfCalls,
  readContent,
  readContents,
} from "./job-dir.ts";
import type { FileContent } from "./job-file.ts";

type DraftToRead = Omit<FolderToRead, "stampOf"> & {
  /** Path of the file that would change, relative to the folder. It may be new. */
  readonly file: string;
  /** Its new content. */
  readonly bytes: Uint8Array;
};

/** What a draft of a job file would mean in its folder. */
export type DraftReading = {
  /** The jobs of the file; empty if there are errors. */
  readonly jobs: readonly Job[];
  /** The jobs of all other files without problems, as they are now; empty if there are errors. */
  readonly others: readonly Job[];
  /** The other files that have a problem; see `JobFiles`. */
  readonly broken: readonly string[];
  /** The problems that affect the file, and those that it would cause in other files; those of the file first. */
  readonly errors: readonly Problem[];
  /** The problems that other files have anyway, by file. */
  readonly warnings: readonly Problem[];
};

/** Reads a folder as it would be if one file had another content. */
export const readDraft = async ({ dir, known, file, bytes, ...setup }: DraftToRead): Promise<DraftReading> => {
  const { root, failed, byFile } = await readContents({ dir, known });
  const draft = await readContent(bytes, { file, folder: dirname(join(root, file)) });
  const drafted = new Map(byFile).set(file, draft);
  await loadPatternsOfCalls([...drafted.values()]);
  const conflictsOf = (contents: ReadonlyMap<string, FileContent>) =>
    findConflicts([...failed, ...[...contents].sort(byName).map(([, content]) => content)], setup, "all");
  const after = conflictsOf(drafted);
  const before = new Set((after.length === 0 ? [] : conflictsOf(byFile)).map(({ problem }) => placeOf(problem)));
  // A conflict between two files is reported in one of them, but affects both.
  const { errors = [], warnings = [] } = Object.groupBy(after, ({ problem, files }) =>
    problem.file === file || files.includes(file) || !before.has(placeOf(problem)) ? "errors" : "warnings",
  );
  const broken = new Set(after.flatMap(({ problem, files }) => [problem.file, ...files]));
  const others = [...byFile].flatMap(([name, { jobs }]) => (name === file || broken.has(name) ? [] : jobs));
  return {
    jobs: errors.length === 0 ? draft.jobs : [],
    others: errors.length === 0 ? others : [],
    broken: [...broken],
    errors: errors
      .map(({ problem }) => problem)
      .sort((a, b) => Number(b.file === file) - Number(a.file === file) || byPlace(a, b)),
    warnings: warnings.map(({ problem }) => problem).sort(byPlace),
  };
};

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Other files do not change, so a problem at the same place was there before, although its message may name a line of the draft. */
const placeOf = ({ file, line, column, path }: Problem): string => JSON.stringify([file, line, column, path]);
