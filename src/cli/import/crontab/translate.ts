import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import type { Fate, ImportedFile, ImportProblem } from "../imported.ts";
import type { CronEntry } from "./entry.ts";
import { cronJob, type LineUser } from "./job.ts";
import { jobIdOf, uniqueId } from "./job-name.ts";
import type { HomeOf } from "./owner.ts";
import { type CrontabLine, parseCrontab } from "./parse.ts";
import { noteOfSetting, whyWrongSetting } from "./settings.ts";
import type { CrontabSource } from "./source.ts";

export type TranslateOptions = {
  /** The user that petit runs as. */
  readonly as: string;
  readonly homeOf: HomeOf;
  /** The ids that are in use. Those of the new jobs are added. */
  readonly ids: Set<string>;
};

type Translation = {
  readonly files: ImportedFile[];
  readonly fates: Fate[];
  readonly problems: ImportProblem[];
};

/** A line that becomes a job, with what it needs of the lines above it. */
type PlannedJob = Omit<Parameters<typeof cronJob>[0], "foot">;

/** Translates the lines of a crontab, each that runs a command into a job. */
export const translateCrontab = (source: CrontabSource, options: TranslateOptions): Translation => {
  const { file } = source;
  const fates: Fate[] = [];
  const problems: ImportProblem[] = [];
  const jobs: PlannedJob[] = [];
  const settings = new Map<string, string>();
  let comments: string[] = [];
  for (const line of parseCrontab(source.text, source)) {
    const outcome = judge(line, { ...options, settings: new Map(settings), comments, file });
    if (outcome.kind === "problem") problems.push({ file, line: line.line, message: outcome.message });
    if (outcome.kind === "setting") settings.set(outcome.name, outcome.value);
    if (outcome.kind === "job") {
      jobs.push(outcome.job);
      comments = [];
    }
    if (outcome.kind === "comment") comments = addComment(comments, outcome.text);
    if ("notes" in outcome) fates.push(fateOf(outcome, file, line.line));
  }
  const files = jobs.map((job, index) => ({
    path: `${job.id}.yaml`,
    text: cronJob({ ...job, foot: index === jobs.length - 1 ? trimBlank(comments) : [] }),
  }));
  return { files, fates, problems };
};

/** What becomes of a line. */
type LineOutcome =
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "setting"; readonly name: string; readonly value: string; readonly notes: readonly string[] }
  | { readonly kind: "job"; readonly job: PlannedJob; readonly notes: readonly string[] }
  /** Kept as a comment of the next job. With notes, it is a line that is left out. */
  | { readonly kind: "comment"; readonly text: string; readonly notes?: readonly string[] };

type LineContext = TranslateOptions & {
  readonly file: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly comments: readonly string[];
};

const judge = (line: CrontabLine, context: LineContext): LineOutcome => {
  switch (line.kind) {
    case "comment":
      return { kind: "comment", text: line.text.trim().replace(/^# ?/, "") };
    case "wrong":
      return { kind: "problem", message: line.problem };
    case "environment": {
      const problem = whyWrongSetting(line);
      if (problem !== null) return { kind: "problem", message: problem };
      return { kind: "setting", name: line.name, value: line.value, notes: [noteOfSetting(line)] };
    }
    case "entry":
      return judgeEntry(line, context);
  }
};

const judgeEntry = (line: CrontabLine & CronEntry, context: LineContext): LineOutcome => {
  const leftOut = (note: string): LineOutcome => ({
    kind: "comment",
    text: `Not imported: ${line.text.trim()}`,
    notes: [note],
  });
  const { expression } = line;
  if (expression === null) return leftOut(REBOOT_NOTE);
  const unusable = whyUnusable(expression);
  if (unusable !== null) return leftOut(unusable);
  const user = userOf(line, context);
  if (typeof user === "string") return leftOut(user);
  const switchesUser = user.name !== context.as;
  const job = {
    id: uniqueId(jobIdOf(line.command), context.ids),
    entry: { ...line, expression },
    text: line.text.trim(),
    place: `${context.file}, line ${line.line}`,
    settings: context.settings,
    user,
    switchesUser,
    comments: trimBlank(context.comments),
  };
  const notes = [
    ...line.notes,
    ...(switchesUser ? [switchNote(user)] : []),
    ...(hasUserColumn(line) ? [COLUMN_NOTE] : []),
  ];
  return { kind: "job", job, notes };
};

const switchNote = ({ name }: LineUser): string => `runs as ${name} by runuser, for which petit has to run as root`;

/** Returns whether a line probably has a user column that was not expected. */
const hasUserColumn = ({ user, command }: CronEntry): boolean => user === null && /^root\s/.test(command);

const COLUMN_NOTE = "the command begins with 'root'; if that is a user column, give --system";

const REBOOT_NOTE = "@reboot is not supported; start the command by a systemd unit, or by the unit that starts petit";

/** Returns the user of a line, or why the line can't be run as that user. */
const userOf = ({ user }: CronEntry, { as, homeOf, settings }: LineContext): LineUser | string => {
  const name = user ?? as;
  if (name !== as && as !== "root")
    return `it runs as ${name}, but petit as ${as}; only a petit of root can change the user`;
  const home = settings.get("HOME") ?? homeOf(name);
  return home === null
    ? `this machine has no user ${name}, so that the home folder is not known; expected HOME above the line`
    : { name, home };
};

const fateOf = (
  outcome: Extract<LineOutcome, { readonly notes?: readonly string[] }>,
  file: string,
  line: number,
): Fate => {
  const notes = outcome.notes ?? [];
  if (outcome.kind === "job") return { file, line, outcome: "job", jobId: outcome.job.id, notes };
  return { file, line, outcome: outcome.kind === "setting" ? "setting" : "left_out", jobId: null, notes };
};

/** Adds a line, but no second blank one. */
const addComment = (comments: readonly string[], text: string): string[] =>
  text === "" && (comments.at(-1) ?? "") === "" ? [...comments] : [...comments, text];

const trimBlank = (comments: readonly string[]): readonly string[] =>
  comments.at(-1) === "" ? comments.slice(0, -1) : comments;
