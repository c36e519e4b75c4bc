import { REBOOT } from "../../../domain/schedule/boot.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import { withoutTemplates } from "../templates.ts";
import type { CronEntry } from "./entry.ts";
import { uniqueId } from "./job-name.ts";
import { type MailServer, notifyOf } from "./mail.ts";
import type { RunParts } from "./run-parts.ts";
import { delayMinutes, zoneName } from "./settings.ts";

/** The PATH that cronie sets. */
export const CRON_PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

/** The user that a line runs as. */
export type LineUser = { readonly name: string; readonly home: string };

type JobOptions = {
  readonly id: string;
  /** The line itself. */
  readonly entry: CronEntry & { readonly expression: string };
  readonly text: string;
  /** Where the line is, such as `/etc/crontab, line 3`. */
  readonly place: string;
  /** The environment lines above it. */
  readonly settings: ReadonlyMap<string, string>;
  readonly user: LineUser;
  /** True if petit runs as another user, which has to be root then. */
  readonly switchesUser: boolean;
  /** Whether the home folder of the user exists. */
  readonly hasHome: boolean;
  /** Exit statuses that skip the task; empty if there are none. */
  readonly skipExitCodes: readonly number[];
  /** The scripts to run, each in a task; null if the line stays one task. */
  readonly runParts: RunParts | null;
  /** How the output is mailed; null if it is not. */
  readonly mail: MailServer | null;
  /** What to know about the line. */
  readonly notes: readonly string[];
  /** The comments above it. */
  readonly comments: readonly string[];
  /** The comments at the end of the crontab, if it is the last line. */
  readonly foot: readonly string[];
};

/** Returns the job file for a line of a crontab. */
export const cronJob = (options: JobOptions): string => {
  const { entry, settings, user, comments, foot } = options;
  const environment = environmentOf(settings, user);
  const notify = notifyOfLine(options);
  const home = options.hasHome ? user.home : "/";
  const workingDir = settings.get("HOME") ?? home;
  const fields: Record<string, Json> = {
    id: options.id,
    schedule: scheduleOf(entry.expression, settings),
    ...(entry.single ? { max_concurrency: 1 } : {}),
    ...(notify === null ? {} : { notify }),
    inherit_environment: false,
    environment,
    tasks:
      options.runParts === null
        ? [commandTask(options, workingDir)]
        : scriptTasks(options.runParts, (argv) => programOf(argv, options), workingDir),
  };
  return jobText({
    head: [...commentsOf(comments), ...(comments.length === 0 ? [] : [""]), ...headOf(options)],
    fields: withoutTemplates(fields),
    foot: commentsOf(foot),
  });
};

const notifyOfLine = ({ mail, settings, user, entry }: JobOptions): Json | null =>
  mail === null ? null : notifyOf({ server: mail, settings, user: user.name, onlyFailures: entry.onlyFailures });

const commandTask = (options: JobOptions, workingDir: string): Json => {
  const { entry, settings, skipExitCodes } = options;
  return {
    id: "command",
    type: "command",
    ...programOf([settings.get("SHELL") ?? "/bin/sh", "-c", entry.command], options),
    ...(entry.stdin === null ? {} : { stdin: entry.stdin }),
    working_dir: workingDir,
    ...(skipExitCodes.length === 0 ? {} : { skip_exit_codes: [...skipExitCodes] }),
  };
};

/** Each script runs after the one before, whether that failed or not, as `run-parts` does it. */
export const scriptTasks = (
  { scripts, workingDir, wrapper }: RunParts,
  programFor: (argv: readonly [string, ...string[]]) => Program,
  home: string,
): Json[] => {
  const ids = new Set<string>();
  const taskIds = scripts.map((script) => uniqueId(taskIdOf(script), ids));
  return scripts.map((script, index) => {
    const before = taskIds[index - 1];
    return {
      id: taskIds[index] ?? "",
      type: "command",
      ...programFor(withWrapper(wrapper, script)),
      working_dir: workingDir ?? home,
      ...(before === undefined ? {} : { depends_on: [before], condition: "all_done" }),
    };
  });
};

const withWrapper = ([program, ...args]: readonly string[], script: string): readonly [string, ...string[]] =>
  program === undefined ? [script] : [program, ...args, script];

const taskIdOf = (script: string): string =>
  script
    .slice(script.lastIndexOf("/") + 1)
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 100) || "script";

/** The program of a task. */
type Program = { readonly command: string; readonly args?: string[] };

const programOf = (argv: readonly [string, ...string[]], { user, switchesUser }: JobOptions): Program => {
  if (switchesUser) return { command: RUNUSER, args: ["-m", "-u", user.name, "--", ...argv] };
  return programOfArgv(argv);
};

/** Returns the fields of a task that runs a program as petit's own user. */
export const programOfArgv = ([command, ...args]: readonly [string, ...string[]]): Program =>
  args.length === 0 ? { command } : { command, args };

/** A path, because the PATH of the job may lack the folder. `-m` keeps HOME and SHELL as the job sets them. */
const RUNUSER = "/usr/sbin/runuser";

/** cron sets LOGNAME and USER itself, and the others only if the crontab does not. */
const environmentOf = (settings: ReadonlyMap<string, string>, { name, home }: LineUser): Record<string, string> => ({
  SHELL: "/bin/sh",
  PATH: CRON_PATH,
  HOME: home,
  ...Object.fromEntries(settings),
  LOGNAME: name,
  USER: name,
});

/**
 * cron makes up for minutes that it slept through, but for nothing while it was down. petit's closest policy is to make up for the
 * last minutes.
 */
const CATCHUP = { catchup: "latest", catchup_window: "5m" };

const scheduleOf = (cron: string, settings: ReadonlyMap<string, string>): Json => {
  if (cron === REBOOT) return REBOOT;
  const timezone = zoneName(settings.get("CRON_TZ") ?? "");
  const minutes = delayMinutes(settings.get("RANDOM_DELAY") ?? "0") ?? 0;
  return {
    cron,
    ...(timezone === "" ? {} : { timezone }),
    ...CATCHUP,
    ...(minutes === 0 ? {} : { jitter: `${minutes}m` }),
  };
};

const headOf = (options: JobOptions): readonly string[] => {
  const { place, text, notes, settings, switchesUser, user } = options;
  const mailTo = settings.get("MAILTO") ?? "";
  return [
    `From ${escapeUnprintable(place)}:`,
    ...commentsOf([`  ${text}`]),
    ...notes.map((note) => `Note: ${escapeUnprintable(note)}.`),
    ...(mailTo === "" || notifyOfLine(options) !== null
      ? []
      : [`cron mailed the output to ${escapeUnprintable(mailTo)}. petit keeps it; 'notify' can report failures.`]),
    ...(switchesUser ? [`petit has to run as root to run this as ${user.name}.`] : []),
  ];
};

/** Comments can't contain control characters. Tabs are fine. */
export const commentsOf = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.split("\t").map(escapeUnprintable).join("\t"));
