import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/printable.ts";
import type { CronEntry } from "./entry.ts";
import { delayMinutes, zoneName } from "./settings.ts";

/** The PATH that cronie sets. */
const CRON_PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

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
  /** The comments above it. */
  readonly comments: readonly string[];
  /** The comments at the end of the crontab, if it is the last line. */
  readonly foot: readonly string[];
};

/** Returns the job file for a line of a crontab. */
export const cronJob = (options: JobOptions): string => {
  const { entry, settings, user, comments, foot } = options;
  const environment = environmentOf(settings, user);
  const input = entry.stdin === null ? {} : { stdin: entry.stdin };
  const task = {
    id: "command",
    type: "command",
    ...commandOf(options),
    ...input,
    working_dir: environment.HOME ?? user.home,
  };
  const fields: Record<string, Json> = {
    id: options.id,
    schedule: scheduleOf(entry.expression, settings),
    ...(entry.single ? { max_concurrency: 1 } : {}),
    inherit_environment: false,
    environment,
    tasks: [task],
  };
  return jobText({
    head: [...commentsOf(comments), ...(comments.length === 0 ? [] : [""]), ...headOf(options)],
    fields: withoutTemplates(fields),
    foot: commentsOf(foot),
  });
};

const commandOf = ({
  entry,
  settings,
  user,
  switchesUser,
}: JobOptions): { readonly command: string; readonly args: string[] } => {
  const shell = settings.get("SHELL") ?? "/bin/sh";
  const args = ["-c", entry.command];
  return switchesUser
    ? { command: RUNUSER, args: ["-m", "-u", user.name, "--", shell, ...args] }
    : { command: shell, args };
};

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
  const timezone = zoneName(settings.get("CRON_TZ") ?? "");
  const minutes = delayMinutes(settings.get("RANDOM_DELAY") ?? "0") ?? 0;
  return {
    cron,
    ...(timezone === "" ? {} : { timezone }),
    ...CATCHUP,
    ...(minutes === 0 ? {} : { jitter: `${minutes}m` }),
  };
};

const headOf = ({ place, text, entry, settings, switchesUser, user }: JobOptions): readonly string[] => {
  const mailTo = settings.get("MAILTO") ?? "";
  return [
    `From ${escapeUnprintable(place)}:`,
    ...commentsOf([`  ${text}`]),
    ...entry.notes.map((note) => `Note: ${escapeUnprintable(note)}.`),
    ...(mailTo === ""
      ? []
      : [`cron mailed the output to ${escapeUnprintable(mailTo)}. petit keeps it; 'notify' can report failures.`]),
    ...(switchesUser ? [`petit has to run as root to run this as ${user.name}.`] : []),
  ];
};

/** Comments can't contain control characters. Tabs are fine. */
const commentsOf = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.split("\t").map(escapeUnprintable).join("\t"));

const OPEN = "${{";

/** Keeps a literal `${{` from being read as a template: it becomes a template whose value it is. */
const withoutTemplates = (fields: Record<string, Json>): Record<string, Json> => {
  const text = JSON.stringify(fields);
  if (!text.includes(OPEN)) return fields;
  const { id, schedule, ...rest }: Record<string, Json> = JSON.parse(text.replaceAll(OPEN, `${OPEN} config.open }}`));
  return { id: id ?? null, schedule: schedule ?? null, config: { open: OPEN }, ...rest };
};
