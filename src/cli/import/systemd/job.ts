import { jobText } from "../../../jobfile/write-job.ts";
import { formatDuration, parseDuration } from "../../../lib/duration.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import { changesDue } from "../clock-changes.ts";
import { homeOf } from "../crontab/owner.ts";
import type { Remarks, SourcePlace } from "../remarks.ts";
import { withoutTemplates } from "../templates.ts";
import { environmentOf } from "./service/environment.ts";
import { whyLeftOut } from "./service/left-out.ts";
import { LIMIT_SETTINGS, limitsOf } from "./service/limits.ts";
import { isOn, type ServiceContext, serviceTasks } from "./service/tasks.ts";
import { parseTimeSpan } from "./time-span.ts";
import { place, type TimerSchedule, timerSchedule } from "./timer.ts";
import type { LoadedUnit } from "./unit/folders.ts";
import { booleanOf, type Directive, lastOf, listOf } from "./unit/parse.ts";
import { expandSpecifiers } from "./unit/specifiers.ts";

export type UnitJob = {
  readonly id: string;
  readonly timer: LoadedUnit;
  readonly service: LoadedUnit;
  readonly remarks: Remarks;
  /** The user that petit runs as. */
  readonly as: string;
  /** Whether the units are those of a user's systemd. */
  readonly isUser: boolean;
  /** False if systemd does not start the timer by itself. */
  readonly isEnabled: boolean;
  /** In ms since the Unix epoch. */
  readonly now: number;
};

/** Settings that are translated; those of the timer are in timer.ts. */
const TRANSLATED: ReadonlySet<string> = new Set([
  ...LIMIT_SETTINGS,
  ..."Description Documentation OnFailure OnSuccess".split(" "),
  ..."ExecCondition ExecStartPre ExecStart ExecStartPost ExecStopPost Environment EnvironmentFile User WorkingDirectory".split(
    " ",
  ),
  ..."TimeoutStartSec TimeoutSec TimeoutStopSec RuntimeMaxSec Restart RestartSec SuccessExitStatus KillMode StandardInput StandardInputText".split(
    " ",
  ),
  ..."StartLimitIntervalSec StartLimitInterval StartLimitBurst Group RemainAfterExit DynamicUser StandardOutput StandardError Type".split(
    " ",
  ),
]);

/** Returns the job file of a timer and its service. It has further jobs if the timer needs them. */
export const unitJob = (options: UnitJob): string => {
  const { id, timer, service, remarks, now } = options;
  const schedule = timerSchedule(timer, remarks, now);
  const boot = bootDelay(schedule, timer, remarks);
  const fields = jobFields(options, schedule);
  noteClockChanges(schedule.schedule, timer, options);
  const others = [
    ...(boot === null ? [] : [bootJob(id, boot)]),
    ...schedule.others.map(({ name, schedule: of }) =>
      callingJob(`${id}-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`, id, of),
    ),
  ];
  const head = [
    `From ${[timer.file, ...timer.dropIns, service.file, ...service.dropIns].map(escapeUnprintable).join(", ")}.`,
    ...remarks.comments(),
  ];
  return [jobText({ head, fields: withoutTemplates(fields) }), ...others].join("---\n");
};

/** A start after the boot is not needed if the job is due anyway before. */
const bootDelay = ({ afterBootMs, schedule }: TimerSchedule, timer: LoadedUnit, remarks: Remarks): number | null => {
  const cron = typeof schedule === "object" ? schedule?.cron : null;
  const everyMs = typeof cron === "string" && cron.startsWith("@every ") ? parseDuration(cron.slice(7)) : null;
  if (afterBootMs === null || everyMs === null || everyMs > afterBootMs) return afterBootMs;
  for (const name of ["OnBootSec", "OnStartupSec", "OnActiveSec"])
    for (const directive of listOf(timer.directives, "Timer", name))
      remarks.note(place(directive), "it is not needed, because the interval is not longer");
  return null;
};

const bootJob = (id: string, delayMs: number): string =>
  jobText({
    head: [`Starts ${id} ${formatDuration(delayMs)} after a boot of the machine.`],
    fields: {
      id: `${id}-boot`,
      schedule: "@reboot",
      tasks: [
        { id: "wait", type: "command", command: "sleep", args: [String(delayMs / 1000)] },
        { id: "run", type: "job", job: id, depends_on: ["wait"] },
      ],
    },
  });

const callingJob = (id: string, job: string, schedule: Json): string =>
  jobText({
    head: [`Starts ${job} at the times of another time zone.`],
    fields: { id, schedule, tasks: [{ id: "run", type: "job", job }] },
  });

const jobFields = (options: UnitJob, { schedule }: TimerSchedule): Record<string, Json> => {
  const { id, timer, service, remarks, isUser, isEnabled } = options;
  const { directives } = service;
  const expand = (text: string, at: SourcePlace): string => {
    const owner = isUser ? options.as : "root";
    const {
      text: expanded,
      ofMachine,
      unknown,
    } = expandSpecifiers(text, { unit: service.name, file: service.file, owner, isUser });
    for (const specifier of ofMachine) remarks.note(at, `${specifier} is the value of this machine`);
    for (const specifier of unknown) remarks.leaveOut(at, `${specifier} is not known; it stays as it is`);
    return expanded;
  };
  const user = userOf(options, expand);
  const runAs = user !== null && user !== options.as ? user : null;
  remarkOnRest(options);
  const description = lastOf(directives, "Unit", "Description") ?? lastOf(timer.directives, "Unit", "Description");
  const environment = environmentOf({
    directives,
    remarks,
    expand: (text, from) => expand(text, place(from)),
    user,
    isUser,
  });
  const context: ServiceContext = { directives, remarks, expand, runAs, isUser, environment };
  const limits = limitsOf(directives, remarks);
  const stdin = stdinOf(context);
  const workingDir = workingDirOf(context, user ?? options.as);
  const tasks = serviceTasks(context).map(({ id: taskId, ...task }) => ({
    id: taskId ?? "",
    ...task,
    ...(task.type === "job" ? {} : { working_dir: workingDir }),
    ...(stdin === null || task.condition !== undefined ? {} : { stdin }),
  }));
  return {
    id,
    ...(description === null ? {} : { description: expand(description.value, place(description)) }),
    ...linksOf(directives),
    ...(isEnabled ? {} : { enabled: false }),
    ...(schedule === null ? {} : { schedule }),
    max_concurrency: 1,
    ...killGraceOf(directives, remarks),
    ...(isUser ? {} : { inherit_environment: false }),
    ...(Object.keys(environment).length === 0 ? {} : { environment: { ...environment } }),
    ...(limits === null ? {} : { limits }),
    ...leftoversOf(directives),
    tasks,
  };
};

/** Returns the value of User=. The systemd of a user ignores it. */
const userOf = (
  { service: { directives }, isUser, as, remarks }: UnitJob,
  expand: (text: string, at: SourcePlace) => string,
): string | null => {
  const directive = lastOf(directives, "Service", "User");
  const group = lastOf(directives, "Service", "Group");
  const isDynamic = isOn(lastOf(directives, "Service", "DynamicUser"));
  if (directive === null && group !== null) remarks.leaveOut(place(group), "a task has the primary group of its user");
  if (directive === null || isUser) return null;
  const user = expand(directive.value, place(directive));
  if (group !== null && expand(group.value, place(group)) !== user)
    remarks.leaveOut(place(group), "a task has the primary group of its user");
  if (user !== as)
    remarks.note(place(directive), `petit has to run as root, with run_as_allowed: [${user}] in its configuration`);
  if (homeOf(user) === null)
    remarks.note(
      place(directive),
      isDynamic
        ? "petit does not make this user (DynamicUser=)"
        : "this machine does not know the user, so HOME is not set and the job is not valid here",
    );
  return user;
};

const linksOf = (directives: readonly Directive[]): Readonly<Record<string, Json>> => {
  const urls = listOf(directives, "Unit", "Documentation").flatMap(({ value }) =>
    value.split(/\s+/).filter((url) => /^https?:\/\/[^\s@]+$/.test(url)),
  );
  if (urls.length === 0) return {};
  const links = urls
    .slice(0, 5)
    .map((url, index) => [index === 0 ? "documentation" : `documentation-${index + 1}`, url]);
  return { links: Object.fromEntries(links) };
};

/** With 0 or `infinity`, systemd waits without end for a service that it stops. */
const killGraceOf = (directives: readonly Directive[], remarks: Remarks): Readonly<Record<string, Json>> => {
  const directive = lastOf(directives, "Service", "TimeoutStopSec", "TimeoutSec");
  if (directive === null) return {};
  const ms = parseTimeSpan(directive.value);
  if (typeof ms === "number" && ms > 0) return { kill_grace: formatDuration(ms) };
  if (ms !== null) remarks.leaveOut(place(directive), "petit sends SIGKILL after kill_grace, 10 s by default");
  else if (directive.name === "TimeoutStopSec")
    remarks.leaveOut(place(directive), "it is not a time span; expected one such as 15min");
  return {};
};

/** systemd ends what a service leaves running, unless KillMode= says otherwise. */
const leftoversOf = (directives: readonly Directive[]): Readonly<Record<string, Json>> => {
  const mode = lastOf(directives, "Service", "KillMode")?.value ?? "control-group";
  const forks = lastOf(directives, "Service", "Type")?.value === "forking";
  return mode === "process" || mode === "none" || forks ? {} : { leftovers: "kill" };
};

const stdinOf = ({ directives, expand }: ServiceContext): string | null => {
  const texts = listOf(directives, "Service", "StandardInputText");
  return texts.length === 0 ? null : `${texts.map((each) => expand(each.value, place(each))).join("\n")}\n`;
};

const workingDirOf = ({ directives, remarks, expand, isUser }: ServiceContext, user: string): string => {
  const directive = lastOf(directives, "Service", "WorkingDirectory");
  const home = homeOf(user) ?? (user === "root" ? "/root" : `/home/${user}`);
  if (directive === null) return isUser ? home : "/";
  const path = expand(directive.value, place(directive));
  if (path.startsWith("-")) remarks.note(place(directive), "the folder has to be there");
  const folder = path.replace(/^-/, "");
  return folder === "~" ? home : folder;
};

/** Says what becomes of the settings that nothing above translates. */
const remarkOnRest = ({ timer, service, remarks, isEnabled }: UnitJob): void => {
  for (const directive of service.directives.filter(({ value }) => value !== "")) {
    if (directive.value.endsWith("\\"))
      remarks.note(place(directive), "the backslash at its end does not continue it; expected no blank after it");
    const reason = reasonOf(directive);
    if (reason?.isHarmless === true) remarks.note(place(directive), reason.reason);
    else if (reason !== null) remarks.leaveOut(place(directive), reason.reason);
  }
  for (const directive of timer.directives.filter(({ section, value }) => section === "Unit" && value !== "")) {
    if (directive.name === "Description") continue;
    const { reason, isHarmless } = whyLeftOut(directive.name);
    if (isHarmless || directive.name === "Requires" || directive.name === "Wants")
      remarks.note(place(directive), "petit starts the job by itself, whatever other units do");
    else remarks.leaveOut(place(directive), reason);
  }
  if (!isEnabled)
    remarks.note(
      { file: timer.file, line: 1, text: timer.name },
      "systemd does not start it by itself, so the job is not enabled",
    );
};

type Reason = { readonly reason: string; readonly isHarmless: boolean };

/** Returns what is to be said about a setting of the service that nothing translates, or not wholly; null if nothing. */
const reasonOf = (directive: Directive): Reason | null => {
  const { section, name, value } = directive;
  const lost = (reason: string): Reason => ({ reason, isHarmless: false });
  const harmless = (reason: string): Reason => ({ reason, isHarmless: true });
  if (section === "Install")
    return /^(?:WantedBy|RequiredBy)$/.test(name)
      ? lost("the job only starts at the times of its timer, not with a target")
      : null;
  if (name === "Documentation")
    return /^https?:/.test(value) ? null : harmless("only http and https addresses become links");
  if (name === "RemainAfterExit" && isOn(directive))
    return lost("systemd starts it only once until it is stopped, petit at each time");
  if (name === "DynamicUser" && isOn(directive)) return whyLeftOut(name);
  if (/^Standard(?:Output|Error)$/.test(name) && /^(?:file|append|truncate|socket|fd):/.test(value))
    return lost("petit keeps the output itself; `>` in a script writes it to a file");
  if (name === "StandardInput" && value !== "null" && value !== "data")
    return lost("petit passes a task no open files");
  if (name === "EnvironmentFile")
    return harmless(
      "a shell reads the file: it expands $ and `…`, and runs what follows a blank in a value without quotes as a command",
    );
  if (/^(?:Condition|Assert)/.test(name) || TRANSLATED.has(name)) return null;
  return /^[A-Z]\w+$/.test(name) && booleanOf(value) === false && value !== "0" ? null : whyLeftOut(name);
};

/** Notes what is different if the schedule is due where the clock of its time zone changes within a year. */
const noteClockChanges = (schedule: TimerSchedule["schedule"], timer: LoadedUnit, { remarks, now }: UnitJob): void => {
  if (schedule === null || typeof schedule === "string") return;
  const { cron = "", timezone } = schedule;
  const zone = typeof timezone === "string" ? timezone : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const expressions = (Array.isArray(cron) ? cron : [cron]).flatMap((each) => (typeof each === "string" ? [each] : []));
  const kinds = new Set(expressions.flatMap((expression) => changesDue({ expression, timezone: zone, now })));
  const [first] = listOf(timer.directives, "Timer", "OnCalendar");
  if (first === undefined) return;
  if (kinds.has("skipped"))
    remarks.note(place(first), `a time that the clock of ${zone} skips runs right after it; systemd leaves it out`);
  if (kinds.has("repeated"))
    remarks.note(place(first), `in the hour that the clock of ${zone} repeats, it runs in both passes`);
};
