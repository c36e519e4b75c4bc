import { type CronEntry, readEntry } from "./entry.ts";
import { type EnvironmentLine, readEnvironmentLine } from "./environment-line.ts";

/** A line of a crontab, numbered from 1. A blank line is a comment without text. */
export type CrontabLine = { readonly line: number; readonly text: string } & (
  | { readonly kind: "comment" }
  | ({ readonly kind: "environment" } & EnvironmentLine)
  | CronEntry
  | { readonly kind: "wrong"; readonly problem: string }
);

/** Reads a crontab with the grammar of cronie. `system` says that its lines have a user column. */
export const parseCrontab = (text: string, options: { readonly system: boolean }): readonly CrontabLine[] => {
  const lines = text.split("\n");
  const isComplete = lines.at(-1) === "";
  if (isComplete) lines.pop();
  return lines.map((line, index) => {
    const read = withContinuation(readLine(line, options), lines[index - 1]);
    if (index < lines.length - 1 || isComplete || read.kind !== "entry")
      return { line: index + 1, text: line, ...read };
    return { line: index + 1, text: line, ...read, notes: [...read.notes, NO_NEWLINE] };
  });
};

const NO_NEWLINE = "cron ignores it, because the file does not end with a line break";

/** Explains a line that can't be read because it continues the one above. */
const withContinuation = (read: ReturnType<typeof readLine>, above: string | undefined): ReturnType<typeof readLine> =>
  read.kind === "wrong" && above?.endsWith("\\") && !/^[ \t]*#/.test(above)
    ? { ...read, problem: `${read.problem}; the \\ at the end of the line above does not continue it in cron` }
    : read;

const readLine = (line: string, options: { readonly system: boolean }) => {
  const text = line.replace(/^[ \t]+/, "");
  if (text === "" || text === "\r" || text.startsWith("#")) return { kind: "comment" } as const;
  const environment = readEnvironmentLine(text);
  if (environment !== null) return { kind: "environment", ...environment } as const;
  if (text.endsWith("\r")) return { kind: "wrong", problem: CARRIAGE_RETURN } as const;
  return readEntry(text, options);
};

const CARRIAGE_RETURN =
  "it ends with a carriage return, which cron passes to the command; expected line breaks without";
