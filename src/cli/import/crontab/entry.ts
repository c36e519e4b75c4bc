import { NICKNAMES } from "../../../domain/schedule/expression.ts";
import { type CronCommand, splitCommand } from "./command.ts";
import { FIELDS, readField } from "./fields.ts";

/** A line of a crontab that runs a command. */
export type CronEntry = {
  readonly kind: "entry";
  /** The schedule in petit's syntax, or null for `@reboot`. */
  readonly expression: string | null;
  /** The user column, or null if the crontab has none. */
  readonly user: string | null;
  /** True if cron starts no second run while one is going on (`-s`, OpenBSD). */
  readonly single: boolean;
  /** True if cron mails the output only after a failure (`-n`). */
  readonly onlyFailures: boolean;
  readonly notes: readonly string[];
} & CronCommand;

/** A line that cron can't read either. */
type WrongEntry = { readonly kind: "wrong"; readonly problem: string };

const SHAPE = "minute, hour, day of month, month and day of week";

/** Reads a line with a schedule and a command. `system` says that there is a user column between them. */
export const readEntry = (line: string, { system }: { readonly system: boolean }): CronEntry | WrongEntry => {
  const quiet = line.startsWith("-");
  const time = readTime(quiet ? line.slice(1) : line);
  if ("problem" in time) return wrong(quiet ? withDash(time.problem, line) : time.problem);
  if (time.rest.startsWith("*"))
    return wrong(`it has a sixth time field; expected ${SHAPE}, then the command: cron has no seconds`);
  const user = system ? readWord(time.rest) : null;
  if (user !== null && user.word !== "" && !isUserName(user.word))
    return wrong(`'${user.word}' is not a user name; without a user column, leave out --system`);
  const options = readOptions(user === null ? time.rest : user.rest);
  if ("problem" in options) return wrong(options.problem);
  if (options.rest === "") return wrong(`the command is missing${system ? "; expected a user, then a command" : ""}`);
  return {
    kind: "entry",
    expression: time.expression,
    user: user?.word ?? null,
    single: options.single,
    onlyFailures: options.onlyFailures,
    notes: [...(quiet ? [QUIET_NOTE] : []), ...time.notes, ...options.notes, ...notesOfCommand(options.rest)],
    ...splitCommand(options.rest),
  };
};

const wrong = (problem: string): WrongEntry => ({ kind: "wrong", problem });

/** A word such as `--bar` is shown as it is, although its first dash is an option of cron. */
const withDash = (problem: string, line: string): string => {
  const { word } = readWord(line);
  return problem.startsWith(`'${word.slice(1)}'`) ? `'-${problem.slice(1)}` : problem;
};

const QUIET_NOTE = "the '-' at the start kept the run out of syslog; petit records every run";

const notesOfCommand = (text: string): readonly string[] => {
  const { command, stdin } = splitCommand(text);
  return [...(text.endsWith("\\") ? [BACKSLASH_NOTE] : []), ...(stdin === null ? [] : percentNotes(command))];
};

const percentNotes = (command: string): readonly string[] => {
  if (DATE_FORMAT.test(command)) return [PERCENT_NOTE];
  return /["'`]/.test(command.replace(QUOTED, "")) ? [QUOTED_NOTE] : [];
};

/** A quoted text that ends, or a single quoted character. */
const QUOTED = /\\.|'[^']*'|"(?:[^"\\]|\\.)*"|`[^`]*`/gs;

/** A command that ends within the format of a date. */
const DATE_FORMAT = /\b(?:date|strftime)\b[^;&|`]*\+[^;&|`)]*$/;

const BACKSLASH_NOTE = "the \\ at its end is part of the command: cron does not join lines";

const PERCENT_NOTE =
  "the command ends at the % of its date format, as in cron, and the rest is its input; write \\% for a percent sign";

const QUOTED_NOTE =
  "the command ends at the first % within a quoted text, as in cron, and the rest is its input; write \\% for a percent sign";

const isUserName = (word: string): boolean => /^[A-Za-z_][\w.-]*\$?$/.test(word);

/** Splits a text after its first word and the blanks that follow. Only blanks and tabs separate in cron. */
const readWord = (text: string): { readonly word: string; readonly rest: string } => {
  const [, word = "", rest = ""] = /^([^ \t]*)[ \t]*(.*)$/s.exec(text) ?? [];
  return { word, rest };
};

type Time = { readonly expression: string | null; readonly notes: readonly string[]; readonly rest: string };
type Problem = { readonly problem: string };

const readTime = (line: string): Time | Problem => (line.startsWith("@") ? readNickname(line) : readFields(line));

const readNickname = (line: string): Time | Problem => {
  const { word, rest } = readWord(line);
  if (word === "@reboot") return { expression: null, notes: [], rest };
  if (Object.hasOwn(NICKNAMES, word)) return { expression: word, notes: [], rest };
  return { problem: `'${word}' is not known; expected @reboot or one of ${Object.keys(NICKNAMES).join(" ")}` };
};

const readFields = (line: string): Time | Problem => {
  const texts: string[] = [];
  const picked: string[] = [];
  let rest = line;
  for (const [index, field] of FIELDS.entries()) {
    const next = readWord(rest);
    if (next.word === "") return { problem: `it has ${index} of 5 time fields; expected ${SHAPE}, then the command` };
    const read = readField(next.word, field, (below) => hash(line) % below);
    if (read.kind === "wrong") return { problem: read.problem };
    texts.push(read.text);
    if (read.picked !== null) picked.push(`'${next.word}' became the ${field.name} ${read.picked}`);
    rest = next.rest;
  }
  const notes =
    picked.length === 0 ? [] : [`cron picks a random value when it reads the crontab: ${picked.join(", ")}`];
  return { expression: texts.join(" "), notes, rest };
};

/** FNV-1a, so that importing a crontab again picks the same values. */
const hash = (text: string): number => {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
};

type Options = {
  readonly single: boolean;
  readonly onlyFailures: boolean;
  readonly notes: readonly string[];
  readonly rest: string;
};

const OPTION_NOTES: Readonly<Record<string, string>> = {
  n: "-n: cron mailed the output only after a failure; petit keeps it always",
  q: "-q: kept the run out of syslog; petit records every run",
  s: "-s: one run at a time",
};

/** Reads the options before the command: `-n` of cronie and the BSDs, `-q` and `-s` of OpenBSD. */
const readOptions = (text: string): Options | Problem => {
  const letters: string[] = [];
  let rest = text;
  while (rest.startsWith("-")) {
    const next = readWord(rest);
    if (!/^-[nqs]+$/.test(next.word))
      return { problem: `'${next.word}' before the command is not an option of cron; expected -n, -q or -s` };
    letters.push(...next.word.slice(1));
    rest = next.rest;
  }
  const notes = [...new Set(letters)].flatMap((letter) => OPTION_NOTES[letter] ?? []);
  return { single: letters.includes("s"), onlyFailures: letters.includes("n"), notes, rest };
};
