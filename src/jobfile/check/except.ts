import { closeSync } from "node:fs";
import { resolve } from "node:path";
import { type ExceptDates, isDate, MAX_EXCEPT_DATES } from "../../domain/schedule/except.ts";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { shorten } from "../../lib/text.ts";
import type { Path } from "../parse/node.ts";
import { readState } from "../read/scan.ts";
import type { Reference } from "../reference.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

/** What `schedule.except` names. */
export type Exceptions = {
  /** Null if it names nothing. */
  readonly except: ExceptDates | null;
  /** The files that it names, also those that can't be read. */
  readonly references: readonly Reference[];
};

/** Checks the dates of `schedule.except`, and reads its files. `folder` is the job file's folder; null to read none. */
export const checkExcept = ({ schedule }: JobDraft, report: Report, folder: string | null): Exceptions => {
  const entries = typeof schedule === "object" && "except" in schedule ? schedule.except : undefined;
  if (entries === undefined) return { except: null, references: [] };
  const isOne = typeof entries === "string";
  const dates = new Set<string>();
  const files: string[] = [];
  const references: Reference[] = [];
  for (const [index, entry] of (isOne ? [entries] : entries).entries()) {
    const path: Path = isOne ? ["schedule", "except"] : ["schedule", "except", index];
    if (entry === undefined || report.has(path)) continue;
    if (isDate(entry)) dates.add(entry);
    else if (LIKE_DATE.test(entry)) report.addAt(path, `'${shorten(entry)}' is not a date that exists; ${EXPECTED}`);
    else if (folder !== null) {
      const file = resolve(folder, entry);
      references.push({ path: file, stamp: readState(file)?.stamp ?? null });
      files.push(entry);
      const read = readDates(file, entry);
      if ("problem" in read) report.addAt(path, read.problem);
      else for (const date of read.dates) dates.add(date);
    }
  }
  if (dates.size > MAX_EXCEPT_DATES)
    report.addAt(["schedule", "except"], `names ${dates.size} dates; expected at most ${MAX_EXCEPT_DATES}`);
  const except = dates.size + files.length === 0 ? null : { dates: [...dates].sort(), files };
  return { except, references };
};

const LIKE_DATE = /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}$/;

const EXPECTED = "expected an ISO date such as 2026-12-25, or a file of such dates";

const MAX_BYTES = 2 ** 20;

type DatesRead = { readonly dates: readonly string[] } | { readonly problem: string };

const readDates = (file: string, entry: string): DatesRead => {
  const name = shorten(entry);
  try {
    const fd = openRegular(file);
    if (fd === null) return { problem: `'${name}' is not a regular file; ${EXPECTED}` };
    try {
      const bytes = readStart(fd, MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) return { problem: `the file '${name}' is larger than 1 MiB; ${EXPECTED}` };
      return parseDates(new TextDecoder("utf-8").decode(bytes), name);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return code === "ENOENT"
      ? { problem: `the file '${name}' was not found at ${file}; ${EXPECTED}` }
      : { problem: `the file '${name}' can't be read (${code}); ${EXPECTED}` };
  }
};

/** A full disk can truncate a file to nothing, so an empty file is a problem; one of comments only is not. */
const parseDates = (text: string, name: string): DatesRead => {
  if (text.trim() === "") return { problem: `the file '${name}' is empty; expected one date per line` };
  const dates: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const date = line.replace(/#.*/, "").trim();
    if (date === "") continue;
    if (!isDate(date))
      return {
        problem: `${name}:${index + 1}: '${shorten(date)}' is not a date; expected one such as 2026-12-25 per line`,
      };
    dates.push(date);
  }
  return { dates };
};
