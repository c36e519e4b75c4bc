import type { FailingTrigger } from "../../../domain/attention.ts";
import { pluralize } from "../../../lib/text.ts";
import { type Look, MAX_FILES, MAX_FOLDERS } from "./look.ts";

export type FileFault = Pick<FailingTrigger, "fault" | "count" | "problem">;

/** Returns what keeps a trigger from finding all files. */
export const faultsOf = ({ faults, matches, hasMoreFolders, unreadable }: Look): readonly FileFault[] => {
  const found: FileFault[] = [];
  const known = new Set(faults.map(({ folder }) => folder));
  const below = [...unreadable].filter((folder) => !known.has(folder));
  const all = [
    ...faults,
    ...below.map((folder) => ({ folder, fault: "folder_unreadable" as const, problem: `${folder} can't be read` })),
  ];
  for (const [fault, each] of Map.groupBy(all, (one) => one.fault)) {
    found.push({ fault, count: each.length, problem: `${each[0]?.problem}${andMore(each.length, "folder")}` });
  }
  if (matches > MAX_FILES)
    found.push({
      fault: "too_many_files",
      count: matches,
      problem: `${matches} files match, and petit watches at most ${MAX_FILES}`,
    });
  else if (hasMoreFolders)
    found.push({
      fault: "too_many_files",
      count: MAX_FOLDERS,
      problem: `the patterns lead to more than ${MAX_FOLDERS} folders`,
    });
  return found;
};

/** Returns the fault of files that can't be read, given why for each; none if there are no such files. */
export const unreadableFiles = (problems: readonly string[]): readonly FileFault[] => {
  const [first] = problems;
  if (first === undefined) return [];
  const count = problems.length;
  return [{ fault: "file_unreadable", count, problem: `${first}${andMore(count, "file")}` }];
};

const andMore = (count: number, what: string): string =>
  count === 1 ? "" : `; ${pluralize(count - 1, `more ${what}`)} too`;
