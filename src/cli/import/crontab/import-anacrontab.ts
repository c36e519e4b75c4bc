import { statSync } from "node:fs";
import { PetitError } from "../../../domain/errors.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import type { Fate, Imported, ImportedFile, Importer, ImportProblem } from "../imported.ts";
import { withoutTemplates } from "../templates.ts";
import { type EarlierJob, findEarlierJobs, isOfOtherCrontab, lineInComment } from "./earlier-import.ts";
import type { EnvironmentLine } from "./environment-line.ts";
import { goneLines, mailServer } from "./import-crontab.ts";
import { CRON_PATH, commentsOf, programOfArgv, scriptTasks } from "./job.ts";
import { uniqueId } from "./job-name.ts";
import { type MailServer, notifyOf } from "./mail.ts";
import { homeOf } from "./owner.ts";
import { type RunParts, splitRunParts } from "./run-parts.ts";
import { noteOfSetting } from "./settings.ts";
import { readSources } from "./source.ts";

const DEFAULT_FILE = "/etc/anacrontab";

/** Imports an anacrontab: jobs that run once in a period, also if the machine was off when they were due. */
export const importAnacrontab: Importer = async (request): Promise<Imported> => {
  const { as = "root", outputDir } = request;
  if (homeOf(as) === null) throw new PetitError("invalid_request", `--as is '${as}'; expected a user of this machine`);
  const given = request.source ?? DEFAULT_FILE;
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new PetitError("invalid_request", `${given} is a folder; expected an anacrontab`);
  const { crontabs } = await readSources(given, { system: false });
  const [{ file, text } = { file: given, text: "" }] = crontabs;
  const earlier = findEarlierJobs(outputDir);
  const { skipInvalid, splitRunParts: splits } = request;
  const options = { as, skipInvalid, splitRunParts: splits, mail: mailServer(request), earlier };
  const translated = translateAnacrontab({ file, text }, options);
  const written = new Set(translated.files.map(({ path }) => path));
  return { ...translated, gone: goneLines(earlier, crontabs, written) };
};

type AnacronOptions = {
  readonly as: string;
  readonly skipInvalid: boolean;
  readonly splitRunParts: boolean;
  /** How the output of the jobs is mailed; null if it is not. */
  readonly mail: MailServer | null;
  /** The jobs of earlier imports in the output folder. */
  readonly earlier: readonly EarlierJob[];
};

/** Translates the lines of an anacrontab, each that runs a command into a job. */
const translateAnacrontab = (
  { file, text }: { readonly file: string; readonly text: string },
  options: AnacronOptions,
): Omit<Imported, "gone"> => {
  const files: ImportedFile[] = [];
  const fates: Fate[] = [];
  const problems: ImportProblem[] = [];
  const settings = new Map<string, string>();
  const lines = joinLines(text);
  const texts = new Set(lines.map((line) => lineInComment(line.text)));
  const ids = new Set(options.earlier.filter((job) => isOfOtherCrontab(job, { file, texts })).map(idOfPath));
  let comments: string[] = [];
  for (const { number, text } of lines) {
    const place = { file, line: number };
    const read = readLine(text);
    if (read.kind === "comment" && read.text !== "") comments.push(read.text);
    if (read.kind === "setting") {
      settings.set(read.name, read.value);
      fates.push({ ...place, outcome: "setting", jobId: null, notes: [noteOf(read, options.mail)] });
    }
    if (read.kind === "wrong" && !options.skipInvalid) problems.push({ ...place, message: read.problem });
    if (read.kind === "wrong" && options.skipInvalid)
      fates.push({ ...place, outcome: "left_out", jobId: null, notes: [read.problem] });
    if (read.kind !== "entry") continue;
    const id = uniqueId(idOf(read.name), ids);
    const parts = options.splitRunParts ? splitRunParts(read.command) : null;
    const notes = [...notesOf(read), ...(typeof parts === "string" ? [parts] : [])];
    const runParts = typeof parts === "string" ? null : parts;
    const { as, mail } = options;
    const line = { entry: read, place, text: text.trim(), settings: new Map(settings), notes, comments, runParts };
    files.push({ path: `${id}.yaml`, text: anacronJob({ id, ...line, as, mail }) });
    fates.push({ ...place, outcome: "job", jobId: id, notes });
    comments = [];
  }
  return { files, fates, problems };
};

const idOfPath = ({ path }: EarlierJob): string => path.replace(/\.yaml$/, "");

/** A line of an anacrontab with those that continue it, numbered by the first one from 1. */
type JoinedLine = { readonly number: number; readonly text: string };

/** Unlike cron, anacron joins a line that ends with a backslash with the next one, by a blank. */
const joinLines = (text: string): readonly JoinedLine[] => {
  const lines: JoinedLine[] = [];
  let begun: JoinedLine | null = null;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const joined: JoinedLine =
      begun === null ? { number: index + 1, text: line } : { ...begun, text: `${begun.text} ${line}` };
    begun = joined.text.endsWith("\\") ? { ...joined, text: joined.text.slice(0, -1) } : null;
    if (begun === null) lines.push(joined);
  }
  return begun === null ? lines : [...lines, begun];
};

type AnacronEntry = {
  /** In days; null for a calendar month or year. */
  readonly days: number | null;
  readonly nickname: string | null;
  /** In minutes after the start of the period. */
  readonly delay: number;
  readonly name: string;
  readonly command: string;
};

type AnacronLine =
  | { readonly kind: "comment"; readonly text: string }
  | ({ readonly kind: "setting" } & EnvironmentLine)
  | ({ readonly kind: "entry" } & AnacronEntry)
  | { readonly kind: "wrong"; readonly problem: string };

const NICKNAME_DAYS: Readonly<Record<string, number | null>> = {
  "@daily": 1,
  "@weekly": 7,
  "@monthly": null,
  "@yearly": null,
  "@annually": null,
  // A misspelling that anacron accepts.
  "@annualy": null,
};

const readLine = (line: string): AnacronLine => {
  const text = line.replace(/^[ \t]+/, "");
  if (text === "" || text.startsWith("#")) return { kind: "comment", text: text.trim().replace(/^# ?/, "") };
  const setting = readSetting(text);
  if (setting !== null) return { kind: "setting", ...setting };
  const [, period = "", delay = "", name = "", command = ""] =
    /^([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t].*)$/s.exec(text) ?? [];
  if (command === "") return wrong(`'${text}' is not understood; expected a period, a delay, a name and a command`);
  if (!/^\d+$/.test(delay) || Number(delay) > MAX_DELAY)
    return wrong(`the delay is '${delay}'; expected minutes from 0 to ${MAX_DELAY}`);
  const entry = { delay: Number(delay), name, command };
  if (Object.hasOwn(NICKNAME_DAYS, period))
    return { kind: "entry", ...entry, days: NICKNAME_DAYS[period] ?? null, nickname: period };
  if (!/^\d+$/.test(period) || Number(period) < 1 || Number(period) > MAX_DAYS)
    return wrong(
      `the period is '${period}'; expected days from 1 to ${MAX_DAYS}, or ${Object.keys(NICKNAME_DAYS).join(", ")}`,
    );
  return { kind: "entry", ...entry, days: Number(period), nickname: null };
};

/** Unlike in cron, quotes and blanks are parts of the value. */
const readSetting = (text: string): EnvironmentLine | null => {
  const [, name, value] = /^([^ \t=]+)[ \t]*=(.*)$/s.exec(text) ?? [];
  return name === undefined || value === undefined ? null : { name, value };
};

const MAX_DELAY = 1_200;
const MAX_DAYS = 3_650;

const wrong = (problem: string): AnacronLine => ({ kind: "wrong", problem });

const noteOf = ({ name, value }: EnvironmentLine, mail: MailServer | null): string => {
  switch (name) {
    case "RANDOM_DELAY":
      return `${name}: each run below starts up to ${minutesOf(value)} minutes later`;
    case "START_HOURS_RANGE":
      return `${name}: the jobs below are due from ${startHour(value)}:00 on; petit makes up for a run at any hour`;
    case "PREFERRED_HOUR":
      return preferredHour(value) === null
        ? `${name}: ignored, as by anacron; expected an hour from 0 to 23`
        : `${name}: the jobs below are due after ${preferredHour(value)}:00; petit makes up for a run at any hour`;
    case "MAILTO":
    case "MAILFROM":
      return noteOfSetting({ name, value }, mail);
    default:
      return `${name}: a variable of the commands below`;
  }
};

const minutesOf = (value: string | undefined): number => (/^\d{1,4}$/.test(value ?? "") ? Number(value) : 0);

const startHour = (value: string | undefined): number => {
  const hour = Number(/^(\d{1,2})-\d{1,2}$/.exec(value ?? "")?.[1] ?? 0);
  return hour < 24 ? hour : 0;
};

const preferredHour = (value: string | undefined): number | null =>
  /^\d{1,2}$/.test(value ?? "") && Number(value) < 24 ? Number(value) : null;

const notesOf = ({ days }: AnacronEntry): readonly string[] =>
  days === null || days === 1 || days === 7
    ? []
    : [`anacron counts ${days} days from the last run; petit from a fixed date, at 0:00 UTC`];

const idOf = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 100) || "job";

type AnacronJob = {
  readonly id: string;
  readonly entry: AnacronEntry;
  readonly place: { readonly file: string; readonly line: number };
  readonly text: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
  readonly comments: readonly string[];
  readonly runParts: RunParts | null;
  readonly as: string;
  readonly mail: MailServer | null;
};

const anacronJob = (job: AnacronJob): string => {
  const { id, entry, place, text, settings, notes, comments, runParts, as, mail } = job;
  const mails = mail !== null && (settings.get("NO_MAIL_OUTPUT") ?? "") === "";
  const notify = mails ? notifyOf({ server: mail, settings, user: as, onlyFailures: false }) : null;
  const jitter = minutesOf(settings.get("RANDOM_DELAY"));
  const fields: Record<string, Json> = {
    id,
    schedule: {
      cron: scheduleOf(entry, settings),
      catchup: "latest",
      catchup_window: `${windowDays(entry)}d`,
      ...(jitter === 0 ? {} : { jitter: `${jitter}m` }),
    },
    max_concurrency: 1,
    ...(notify === null ? {} : { notify }),
    inherit_environment: false,
    environment: {
      SHELL: "/bin/sh",
      PATH: CRON_PATH,
      HOME: homeOf(as) ?? "/",
      ...Object.fromEntries([...settings].filter(([name]) => !OWN_SETTINGS.has(name))),
      LOGNAME: settings.get("LOGNAME") ?? as,
      USER: as,
    },
    tasks: runParts === null ? [commandTask(entry)] : scriptTasks(runParts, programOfArgv, "/"),
  };
  return jobText({
    head: [
      ...commentsOf(comments),
      ...(comments.length === 0 ? [] : [""]),
      `From ${escapeUnprintable(place.file)}, line ${place.line}:`,
      ...commentsOf([`  ${text}`]),
      ...notes.map((note) => `Note: ${escapeUnprintable(note)}.`),
    ],
    fields: withoutTemplates(fields),
  });
};

/** Settings of anacron itself. */
const OWN_SETTINGS: ReadonlySet<string> = new Set(["RANDOM_DELAY", "START_HOURS_RANGE", "PREFERRED_HOUR"]);

/** The last day of a period counts as late, but not as missed. */
const windowDays = ({ days, nickname }: AnacronEntry): number => (days ?? (nickname === "@monthly" ? 31 : 366)) + 1;

/** anacron runs no job outside of the preferred hour: its delay only chooses the minute there. */
const scheduleOf = ({ days, nickname, delay }: AnacronEntry, settings: ReadonlyMap<string, string>): string => {
  const preferred = preferredHour(settings.get("PREFERRED_HOUR"));
  const start = preferred ?? startHour(settings.get("START_HOURS_RANGE"));
  const minutes = Math.min(start * 60 + (preferred === null ? delay : delay % 60), 24 * 60 - 1);
  const time = `${minutes % 60} ${Math.floor(minutes / 60)}`;
  if (days === 1) return `${time} * * *`;
  if (days === 7) return `${time} * * 0`;
  if (nickname === "@monthly") return `${time} 1 * *`;
  return days === null ? `${time} 1 1 *` : `@every ${days}d`;
};

/** anacron runs commands by this shell, in this folder. */
const commandTask = ({ command }: AnacronEntry): Json => ({
  id: "command",
  type: "command",
  command: "/bin/sh",
  args: ["-c", command],
  working_dir: "/",
});
