import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { escapeUnprintable } from "../../../lib/text.ts";
import type { GoneLine } from "../imported.ts";

/** A job file that an earlier import wrote, and the line that it came from, as its comment has it. */
export type EarlierJob = GoneLine & { readonly id: string; readonly line: number };

const MAX_BYTES = 2 ** 20;

/** Finds the job files of earlier imports in a folder, by the comments at their start. */
export const findEarlierJobs = (dir: string | null): readonly EarlierJob[] => {
  if (dir === null || statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith(".yaml") && !name.startsWith("."))
    .sort()
    .flatMap((path) => readEarlierJob(dir, path) ?? []);
};

const readEarlierJob = (dir: string, path: string): EarlierJob | null => {
  const stats = statSync(join(dir, path), { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size > MAX_BYTES) return null;
  const text = readFileSync(join(dir, path), "utf8");
  const [, file, line, lineText] = /^# From (.+), line (\d+):\n# {3}(.*)$/m.exec(text) ?? [];
  const id = /^id: (.+)$/m.exec(text)?.[1];
  if (file === undefined || lineText === undefined || id === undefined) return null;
  return { path, id, file, line: Number(line), text: lineText };
};

/** Returns a line as the comment of its job file has it. */
export const lineInComment = (text: string): string => text.trim().split("\t").map(escapeUnprintable).join("\t");

/** Returns whether an earlier job has the line of another crontab, which is not one of the lines of this one, too. */
export const isOfOtherCrontab = (
  job: EarlierJob,
  { file, texts }: { readonly file: string; readonly texts: ReadonlySet<string> },
): boolean => !texts.has(job.text) && resolve(job.file) !== resolve(file);
