import { REBOOT } from "../../../domain/schedule/boot.ts";
import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import type { Fate, ImportedFile, ImportProblem } from "../imported.ts";
import { type EarlierJob, isOfOtherCrontab, lineInComment } from "./earlier-import.ts";
import type { CronEntry } from "./entry.ts";
import { guardExitCodes } from "./guard.ts";
import { cronJob, type LineUser } from "./job.ts";
import { idWithDigest, jobIdOf, uniqueId } from "./job-name.ts";
import type { MailServer } from "./mail.ts";
import type { HomeOf } from "./owner.ts";
import { type CrontabLine, parseCrontab } from "./parse.ts";
import { type RunParts, splitRunParts } from "./run-parts.ts";
import { noteOfSetting, whyWrongSetting } from "./settings.ts";
import type { CrontabSource } from "./source.ts";

export type TranslateOptions = {
  /** The user that petit runs as. */
  readonly as: string;
  readonly homeOf: HomeOf;
  /** The ids that are in use. Those of the new jobs are added. */
  readonly ids: Set<string>;
  /** Returns whether a folder exists on this machine. Missing: all do. */
  readonly hasFolder?: (path: string) => boolean;
  /** What happens to lines with a guard: a note, or their task is skipped. Missing: nothing. */
  readonly guards?: "note" | "skip";
  /** How the output of lines with a MAILTO is mailed. Missing or null: not at all. */
  readonly mail?: MailServer | null;
  /** Whether `run-parts` lines become a task for each script. */
  readonly splitRunParts?: boolean;
  /** Whether lines that can't be read are left out instead of being problems. */
  readonly skipInvalid?: boolean;
  /** Jobs of earlier imports. A job whose line is unchanged keeps its id. */
  readonly earlier?: readonly EarlierJob[];
};

type Translation = {
  readonly files: ImportedFile[];
  readonly fates: Fate[];
  readonly problems: ImportProblem[];
};

/** A line that becomes a job, with what it needs of the lines above it. */
type PlannedJob = Omit<Parameters<typeof cronJob>[0], "id" | "foot"> & { readonly file: string };

/** A crontab whose jobs have no ids yet. */
type Plan = {
  readonly file: string;
  readonly outcomes: readonly { readonly line: number; readonly outcome: LineOutcome }[];
  /** The comments at the end. */
  readonly foot: readonly string[];
};

/** Translates the lines of a crontab, each that runs a command into a job. */
export const translateCrontab = (source: CrontabSource, options: TranslateOptions): Translation =>
  translateCrontabs([{ source, as: options.as }], options);

/** Translates several crontabs, whose jobs have different ids. Each has its own user that petit runs as. */
export const translateCrontabs = (
  sources: readonly { readonly source: CrontabSource; readonly as: string }[],
  options: Omit<TranslateOptions, "as">,
): Translation => {
  const plans = sources.map(({ source, as }) => planCrontab(source, as, options));
  const jobs = plans.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ outcome }) => (outcome.kind === "job" ? [outcome.job] : [])),
  );
  const ids = namesOf(jobs, options);
  const translations = plans.map((plan) => finishPlan(plan, ids));
  return {
    files: translations.flatMap(({ files }) => files),
    fates: translations.flatMap(({ fates }) => fates),
    problems: translations.flatMap(({ problems }) => problems),
  };
};

/**
 * Returns the id of each job. An unchanged line keeps the id of an earlier import. Where two jobs would have the same id, a digest of the
 * line is added. The other job can also be that of another crontab in the same folder.
 */
const namesOf = (
  jobs: readonly PlannedJob[],
  { ids, earlier = [] }: Pick<TranslateOptions, "ids" | "earlier">,
): ReadonlyMap<PlannedJob, string> => {
  const names = new Map<PlannedJob, string>();
  const sameLines = Map.groupBy(
    earlier.filter(({ id, path }) => path === `${id}.yaml`).toSorted((a, b) => a.line - b.line),
    keyOfLine,
  );
  for (const job of jobs) {
    const known = sameLines.get(keyOfLine({ file: job.file, text: lineInComment(job.text) })) ?? [];
    const free = known.find(({ id }) => !ids.has(id));
    if (free !== undefined) names.set(job, uniqueId(free.id, ids));
  }
  const bases = new Map(jobs.map((job) => [job, jobIdOf(job.entry.command)]));
  const ofBase = Map.groupBy(jobs, (job) => bases.get(job) ?? "");
  const clashing = new Set([...ofBase.keys()].filter((base) => ids.has(base) || (ofBase.get(base)?.length ?? 0) > 1));
  const texts = new Set(jobs.map(({ text }) => lineInComment(text)));
  const atPath = new Map(earlier.map((job) => [job.path, job]));
  for (const job of jobs.filter((each) => !names.has(each))) {
    const base = bases.get(job) ?? "";
    const present = atPath.get(`${base}.yaml`);
    const isForeign = present !== undefined && isOfOtherCrontab(present, { file: job.file, texts });
    names.set(job, uniqueId(clashing.has(base) || isForeign ? idWithDigest(base, job.text) : base, ids));
  }
  return names;
};

const keyOfLine = ({ file, text }: Pick<EarlierJob, "file" | "text">): string => JSON.stringify([file, text]);

const finishPlan = ({ file, outcomes, foot }: Plan, ids: ReadonlyMap<PlannedJob, string>): Translation => {
  const fates: Fate[] = [];
  const problems: ImportProblem[] = [];
  const jobs: PlannedJob[] = [];
  for (const { line, outcome } of outcomes) {
    if (outcome.kind === "problem") problems.push({ file, line, message: outcome.message });
    if (outcome.kind === "job") jobs.push(outcome.job);
    if ("notes" in outcome) fates.push(fateOf(outcome, { file, line, ids }));
  }
  const files = jobs.map((job, index) => {
    const id = ids.get(job) ?? "";
    return { path: `${id}.yaml`, text: cronJob({ ...job, id, foot: index === jobs.length - 1 ? foot : [] }) };
  });
  return { files, fates, problems };
};

const planCrontab = (source: CrontabSource, as: string, options: Omit<TranslateOptions, "as">): Plan => {
  const { file } = source;
  const outcomes: { line: number; outcome: LineOutcome }[] = [];
  const settings = new Map<string, string>();
  let comments: string[] = [];
  for (const line of parseCrontab(source.text, source)) {
    const context = { options, as, settings: new Map(settings), comments, file, notes: source.notes ?? [] };
    const outcome = withSkipped(judge(line, context), line, options);
    if (outcome.kind === "setting") settings.set(outcome.name, outcome.value);
    if (outcome.kind === "job") comments = [];
    if (outcome.kind === "comment") comments = addComment(comments, outcome.text);
    outcomes.push({ line: line.line, outcome });
  }
  return { file, outcomes, foot: trimBlank(comments) };
};

/** With `skipInvalid`, a line that can't be read is left out. */
const withSkipped = (
  outcome: LineOutcome,
  line: CrontabLine,
  { skipInvalid }: Pick<TranslateOptions, "skipInvalid">,
): LineOutcome => (skipInvalid && outcome.kind === "problem" ? leftOut(line, outcome.message) : outcome);

const leftOut = ({ text }: CrontabLine, note: string): LineOutcome => ({
  kind: "comment",
  text: `Not imported: ${text.trim()}`,
  notes: [note],
});

/** What becomes of a line. */
type LineOutcome =
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "setting"; readonly name: string; readonly value: string; readonly notes: readonly string[] }
  | { readonly kind: "job"; readonly job: PlannedJob; readonly notes: readonly string[] }
  /** Kept as a comment of the next job. With notes, it is a line that is left out. */
  | { readonly kind: "comment"; readonly text: string; readonly notes?: readonly string[] };

type LineContext = {
  readonly options: Omit<TranslateOptions, "as">;
  /** The user that petit runs as. */
  readonly as: string;
  readonly file: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly comments: readonly string[];
  /** Notes about the crontab itself. */
  readonly notes: readonly string[];
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
      return {
        kind: "setting",
        name: line.name,
        value: line.value,
        notes: [noteOfSetting(line, context.options.mail ?? null)],
      };
    }
    case "entry":
      return judgeEntry(line, context);
  }
};

const judgeEntry = (line: CrontabLine & CronEntry, context: LineContext): LineOutcome => {
  const expression = line.expression ?? REBOOT;
  const unusable = whyUnusable(expression);
  if (unusable !== null) return leftOut(line, unusable);
  const user = userOf(line, context);
  if (typeof user === "string") return leftOut(line, user);
  const switchesUser = user.name !== context.as;
  const hasHome = context.options.hasFolder?.(user.home) ?? true;
  const guard = context.options.guards === undefined ? null : guardExitCodes(line.command);
  const skips = guard !== null && context.options.guards === "skip";
  const parts = context.options.splitRunParts === true && line.stdin === null ? splitRunParts(line.command) : null;
  const own = [
    ...context.notes,
    ...line.notes,
    ...(hasHome ? [] : [homeNote(user, context.settings)]),
    ...(guard === null ? [] : [skips ? skipNote(guard) : GUARD_NOTE]),
    ...(parts === null ? [] : [typeof parts === "string" ? parts : partsNote(parts)]),
  ];
  const job = {
    file: context.file,
    entry: { ...line, expression },
    text: line.text.trim(),
    place: `${context.file}, line ${line.line}`,
    settings: context.settings,
    user,
    switchesUser,
    hasHome,
    skipExitCodes: skips ? guard : [],
    mail: context.options.mail ?? null,
    runParts: typeof parts === "string" ? null : parts,
    notes: own,
    comments: trimBlank(context.comments),
  };
  const notes = [...own, ...(switchesUser ? [switchNote(user)] : []), ...(hasUserColumn(line) ? [COLUMN_NOTE] : [])];
  return { kind: "job", job, notes };
};

const homeNote = ({ home }: LineUser, settings: ReadonlyMap<string, string>): string =>
  settings.has("HOME")
    ? `its HOME ${home} does not exist on this machine, so that its task fails until it does`
    : `the home folder ${home} does not exist; it runs in /, where cronie would not run it and Debian's cron would in /var/spool/cron`;

const GUARD_NOTE = "the run fails if the guard before && does not hold; --guards-ok skips the task then";

const skipNote = (codes: readonly number[]): string =>
  `exit status ${codes.join(" or ")} skips the task, of the guard before && and of the command behind it`;

const partsNote = ({ folder, scripts }: RunParts): string =>
  `one task for each of the ${scripts.length} scripts that ${folder} has now; import again after a change`;

const switchNote = ({ name }: LineUser): string => `runs as ${name} by runuser, for which petit has to run as root`;

/** Returns whether a line probably has a user column that was not expected. */
const hasUserColumn = ({ user, command }: CronEntry): boolean => user === null && /^root\s/.test(command);

const COLUMN_NOTE = "the command begins with 'root'; if that is a user column, give --system";

/** Returns the user of a line, or why the line can't be run as that user. */
const userOf = ({ user }: CronEntry, { as, options: { homeOf }, settings }: LineContext): LineUser | string => {
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
  { file, line, ids }: { readonly file: string; readonly line: number; readonly ids: ReadonlyMap<PlannedJob, string> },
): Fate => {
  const notes = outcome.notes ?? [];
  if (outcome.kind === "job") return { file, line, outcome: "job", jobId: ids.get(outcome.job) ?? null, notes };
  return { file, line, outcome: outcome.kind === "setting" ? "setting" : "left_out", jobId: null, notes };
};

/** Adds a line, but no second blank one. */
const addComment = (comments: readonly string[], text: string): string[] =>
  text === "" && (comments.at(-1) ?? "") === "" ? [...comments] : [...comments, text];

const trimBlank = (comments: readonly string[]): readonly string[] =>
  comments.at(-1) === "" ? comments.slice(0, -1) : comments;
