import { statSync } from "node:fs";
import { PetitError } from "../../../domain/errors.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/printable.ts";
import type { Fate, Imported, ImportedFile, Importer, ImportProblem } from "../imported.ts";
import { findEarlierJobs } from "./earlier-import.ts";
import { type EnvironmentLine, readEnvironmentLine } from "./environment-line.ts";
import { goneLines } from "./import-crontab.ts";
import { CRON_PATH, commentsOf, scriptTasks, withoutTemplates } from "./job.ts";
import { uniqueId } from "./job-name.ts";
import { homeOf } from "./owner.ts";
import { type RunParts, splitRunParts } from "./run-parts.ts";
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
  const translated = translateAnacrontab({ file, text }, { ...request, as });
  const written = new Set(translated.files.map(({ path }) => path));
  return { ...translated, gone: goneLines(findEarlierJobs(outputDir), crontabs, written) };
};

type AnacronOptions = { readonly as: string; readonly skipInvalid: boolean; readonly splitRunParts: boolean };

/** Translates the lines of an anacrontab, each that runs a command into a job. */
const translateAnacrontab = (
  { file, text }: { readonly file: string; readonly text: string },
  options: AnacronOptions,
): Omit<Imported, "gone"> => {
  const files: ImportedFile[] = [];
  const fates: Fate[] = [];
  const problems: ImportProblem[] = [];
  const settings = new Map<string, string>();
  const ids = new Set<string>();
  let comments: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const place = { file, line: index + 1 };
    const read = readLine(line);
    if (read.kind === "comment" && read.text !== "") comments.push(read.text);
    if (read.kind === "setting") {
      settings.set(read.name, read.value);
      fates.push({ ...place, outcome: "setting", jobId: null, notes: [noteOf(read)] });
    }
    if (read.kind === "wrong" && !options.skipInvalid) problems.push({ ...place, message: read.problem });
    if (read.kind === "wrong" && options.skipInvalid)
      fates.push({ ...place, outcome: "left_out", jobId: null, notes: [read.problem] });
    if (read.kind !== "entry") continue;
    const id = uniqueId(idOf(read.name), ids);
    const parts = options.splitRunParts ? splitRunParts(read.command) : null;
    const notes = [...notesOf(read), ...(typeof parts === "string" ? [parts] : [])];
    const runParts = typeof parts === "string" ? null : parts;
    const job = { id, entry: read, place, text: line.trim(), settings: new Map(settings), notes, comments, runParts };
    files.push({ path: `${id}.yaml`, text: anacronJob({ ...job, as: options.as }) });
    fates.push({ ...place, outcome: "job", jobId: id, notes });
    comments = [];
  }
  return { files, fates, problems };
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
};

const readLine = (line: string): AnacronLine => {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return { kind: "comment", text: text.replace(/^# ?/, "") };
  const setting = readEnvironmentLine(text);
  if (setting !== null) return { kind: "setting", ...setting };
  const [, period = "", delay = "", name = "", command = ""] = /^(\S+)\s+(\S+)\s+(\S+)\s+(.+)$/s.exec(text) ?? [];
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

const MAX_DELAY = 1_200;
const MAX_DAYS = 3_650;

const wrong = (problem: string): AnacronLine => ({ kind: "wrong", problem });

const noteOf = ({ name, value }: EnvironmentLine): string => {
  switch (name) {
    case "RANDOM_DELAY":
      return `${name}: each run below starts up to ${minutesOf(value)} minutes later`;
    case "START_HOURS_RANGE":
      return `${name}: the jobs below are due from ${startHour(value)}:00 on; petit makes up for a run at any hour`;
    default:
      return `${name}: a variable of the commands below`;
  }
};

const minutesOf = (value: string | undefined): number => (/^\d{1,4}$/.test(value ?? "") ? Number(value) : 0);

const startHour = (value: string | undefined): number => {
  const hour = Number(/^(\d{1,2})-\d{1,2}$/.exec(value ?? "")?.[1] ?? 0);
  return hour < 24 ? hour : 0;
};

const notesOf = ({ days }: AnacronEntry): readonly string[] =>
  days === null || days === 1 || days === 7
    ? []
    : [`anacron counts ${days} days from the last run; petit from a fixed date`];

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
};

const anacronJob = (job: AnacronJob): string => {
  const { id, entry, place, text, settings, notes, comments, runParts, as } = job;
  const jitter = minutesOf(settings.get("RANDOM_DELAY"));
  const fields: Record<string, Json> = {
    id,
    schedule: {
      cron: scheduleOf(entry, startHour(settings.get("START_HOURS_RANGE"))),
      catchup: "latest",
      catchup_window: `${windowDays(entry)}d`,
      ...(jitter === 0 ? {} : { jitter: `${jitter}m` }),
    },
    max_concurrency: 1,
    inherit_environment: false,
    environment: {
      SHELL: "/bin/sh",
      PATH: CRON_PATH,
      HOME: homeOf(as) ?? "/",
      ...Object.fromEntries([...settings].filter(([name]) => !OWN_SETTINGS.has(name))),
      LOGNAME: settings.get("LOGNAME") ?? as,
      USER: as,
    },
    tasks: runParts === null ? [commandTask(entry)] : scriptTasks(runParts, (command) => ({ command }), "/"),
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
const OWN_SETTINGS: ReadonlySet<string> = new Set(["RANDOM_DELAY", "START_HOURS_RANGE"]);

/** The last day of a period counts as late, but not as missed. */
const windowDays = ({ days, nickname }: AnacronEntry): number => (days ?? (nickname === "@monthly" ? 31 : 366)) + 1;

const scheduleOf = ({ days, nickname, delay }: AnacronEntry, start: number): string => {
  const minutes = Math.min(start * 60 + delay, 24 * 60 - 1);
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
