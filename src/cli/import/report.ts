import { join } from "node:path";
import { escapeUnprintable, pluralize } from "../../lib/text.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import type { Fate, GoneLine, Imported, ImportProblem } from "./imported.ts";
import type { SavedFile } from "./save.ts";

/** Formats a problem as `FILE:LINE: what is wrong; what was expected`. */
const problemLine = ({ file, line, message }: ImportProblem): string =>
  escapeUnprintable(`${file}:${line}: ${message}`);

/** Writes what can't be read, one line each. */
export const writeProblems = (problems: readonly ImportProblem[], err: Screen): void => {
  for (const problem of problems) err.write(`${problemLine(problem)}\n`);
  err.write(`${paint(err, "red", pluralize(problems.length, "problem"))}: nothing was written\n`);
};

/** Writes what became of each part of the source, one line each, and a summary. */
export const writeFates = (fates: readonly Fate[], err: Screen): void => {
  for (const fate of fates) err.write(`${fateLine(fate, err)}\n`);
  const leftOut = fates.filter(({ outcome }) => outcome === "left_out").length;
  const jobs = pluralize(fates.filter(({ outcome }) => outcome === "job").length, "job");
  err.write(`${jobs}${leftOut === 0 ? "" : `, ${paint(err, "yellow", `${leftOut} left out`)}`}\n`);
};

/** Writes which job files of an earlier import have no line any more. */
export const writeGone = (gone: readonly GoneLine[], dir: string, err: Screen): void => {
  for (const { path, file, text } of gone) {
    const place = escapeUnprintable(join(dir, path));
    err.write(
      `${place}: ${paint(err, "yellow", "kept")}: its line is gone from ${escapeUnprintable(`${file}: ${text}`)}\n`,
    );
  }
};

const fateLine = (fate: Fate, err: Screen): string => {
  const notes = escapeUnprintable(fate.notes.join("; "));
  const place = escapeUnprintable(`${fate.file}:${fate.line}`);
  switch (fate.outcome) {
    case "job":
      return `${place} → ${paint(err, "green", fate.jobId ?? "")}${notes === "" ? "" : `: ${notes}`}`;
    case "setting":
      return `${place}: ${notes}`;
    case "left_out":
      return `${place}: ${paint(err, "yellow", "left out")}: ${notes}`;
  }
};

/** The output of --json. `written` is null if the files are not written to a folder. */
export const importJson = ({ files, fates, problems, gone }: Imported, saved: readonly SavedFile[] | null): string => {
  const report = {
    valid: problems.length === 0,
    files,
    written: saved,
    lines: fates.map(({ file, line, outcome, jobId, notes }) => ({ file, line, outcome, job_id: jobId, notes })),
    gone,
    problems,
  };
  return `${JSON.stringify(report, null, 2)}\n`;
};
