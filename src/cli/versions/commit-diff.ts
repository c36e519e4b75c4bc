import type { JobsDiffBody } from "../../api/shapes/definition/commit-diff.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { jobsDiffText } from "../../domain/words/versions/jobs-diff.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import { differsHiddenText, fieldText } from "../../domain/words/versions/version.ts";
import { formatProblem } from "../../jobfile/problem.ts";
import { assertNever } from "../../lib/never.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { paint } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { changeLines } from "./display.ts";

export const DIFF_FORMATS = ["text", "markdown", "json"] as const;
export type DiffFormat = (typeof DIFF_FORMATS)[number];

type Diff = typeof JobsDiffBody.static;
type Changed = Diff["changed"][number];

/** Writes what a commit would change. Exits with 0 if that is nothing, with 1 if it is something, and with 2 if the commit has problems. */
export const writeDiff = (diff: Diff, format: DiffFormat, context: Context): ExitStatus => {
  context.terminal.out.write(`${formatted(diff, format, context)}\n`);
  if (diff.problems.length > 0) return EXIT.USAGE;
  return countOf(diff) === 0 ? EXIT.DONE : EXIT.FAILED;
};

const formatted = (diff: Diff, format: DiffFormat, context: Context): string => {
  switch (format) {
    case "text":
      return textLines(diff, context).join("\n");
    case "markdown":
      return markdownLines(diff, context).join("\n");
    case "json":
      return JSON.stringify(diff, null, 2);
    default:
      return assertNever(format);
  }
};

const countOf = ({ added, removed, changed }: Diff): number => added.length + removed.length + changed.length;

/** Returns what the commit does, as a sentence without its end. */
const summaryOf = (diff: Diff): string => {
  const { commit, in_use: inUse } = diff;
  const base = inUse === null ? "nothing" : shortCommit(inUse.id);
  return `${shortCommit(commit.id)} by ${oneLine(commit.author)}, compared with ${base}: ${jobsDiffText(diff)}`;
};

const timesText = (times: readonly number[], context: Context): string =>
  times.length === 0 ? "never" : times.map((at) => readableLocal(at, defaultZone(context.settings))).join(", ");

const textLines = (diff: Diff, context: Context): readonly string[] => {
  const { out } = context.terminal;
  const job = (sign: string, style: "green" | "red" | "yellow", { id, file }: { id: string; file: string }): string =>
    `${paint(out, style, sign)} ${paint(out, "bold", id)} ${paint(out, "dim", oneLine(file))}`;
  return [
    summaryOf(diff),
    ...diff.problems.map((problem) => `  ${formatProblem(problem)}`),
    ...diff.added.flatMap((each) => [job("+", "green", each), `  next: ${timesText(each.next, context)}`]),
    ...diff.removed.flatMap((each) => [job("-", "red", each), `  next would be: ${timesText(each.next, context)}`]),
    ...diff.changed.flatMap((each) => [
      job("~", "yellow", each),
      ...(each.former_id === null ? [] : [`  was '${each.former_id}'`]),
      ...(each.move === null ? [] : [`  ${paint(out, "bold", each.move.message)}`]),
      ...each.changes.flatMap((change) => changeLines(change, out)).map((line) => `  ${line}`),
      ...(each.next === null
        ? []
        : [
            `  next before: ${timesText(each.next.before, context)}`,
            `  next after:  ${timesText(each.next.after, context)}`,
          ]),
    ]),
  ];
};

const markdownLines = (diff: Diff, context: Context): readonly string[] => [
  `**${escaped(summaryOf(diff))}**`,
  ...section(
    "Problems",
    diff.problems.map((problem) => `- ${code(formatProblem(problem))}`),
  ),
  ...section(
    "Added",
    diff.added.map(({ id, file, next }) => `- ${code(id)} in ${code(file)}, next: ${timesText(next, context)}`),
  ),
  ...section(
    "Removed",
    diff.removed.map(
      ({ id, file, next }) => `- ${code(id)} in ${code(file)}, next would be: ${timesText(next, context)}`,
    ),
  ),
  ...section(
    "Changed",
    diff.changed.flatMap((each) => changedMarkdown(each, context)),
  ),
];

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ["", `### ${title}`, "", ...lines];

const changedMarkdown = ({ id, file, former_id: formerId, changes, next, move }: Changed, context: Context) => [
  `- ${code(id)} in ${code(file)}${formerId === null ? "" : `, was ${code(formerId)}`}`,
  ...(move === null ? [] : [`  - **${escaped(move.message)}**`]),
  ...changes.map((change) => `  - ${changeMarkdown(change)}`),
  ...(next === null
    ? []
    : [`  - next before: ${timesText(next.before, context)}`, `  - next after: ${timesText(next.after, context)}`]),
];

const changeMarkdown = ({ path, kind, before, after }: Changed["changes"][number]): string => {
  switch (kind) {
    case "added":
      return `${code(path)} added: ${valueMarkdown(after)}`;
    case "removed":
      return `${code(path)} removed: ${valueMarkdown(before)}`;
    case "changed": {
      const [old, current] = [valueMarkdown(before), valueMarkdown(after)];
      return old === current ? `${code(path)} ${differsHiddenText}` : `${code(path)}: ${old} → ${current}`;
    }
    default:
      return assertNever(kind);
  }
};

/** Longer values would hide the rest of a comment. */
const MAX_VALUE = 200;

const valueMarkdown = (value: unknown): string => {
  const text = fieldText(value);
  return code(text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`);
};

/** Returns a text as code on one line, whatever it contains: its fence is longer than any of its own. */
const code = (text: string): string => {
  const line = oneLine(text);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
};

/** Escapes what Markdown would take for markup or for HTML. */
const escaped = (text: string): string => text.replaceAll(/[\\`*_[\]<>#|~@&]/g, (sign) => `\\${sign}`);
