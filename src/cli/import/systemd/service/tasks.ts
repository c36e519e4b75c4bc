import { formatDuration } from "../../../../lib/duration.ts";
import type { Json } from "../../../../lib/json.ts";
import { programOfArgv } from "../../crontab/job.ts";
import { jobIdOf, uniqueId } from "../../crontab/job-name.ts";
import type { Remarks, SourcePlace } from "../../remarks.ts";
import { parseTimeSpan } from "../time-span.ts";
import { place } from "../timer.ts";
import { booleanOf, type Directive, lastOf, listOf } from "../unit/parse.ts";
import { splitValue } from "../unit/words.ts";
import { conditionsOf, conditionTask } from "./conditions.ts";
import { type ExecCommand, plainWords, readExec, shellLine, shellText, splitNames } from "./exec.ts";
import { whyLeftOut } from "./left-out.ts";
import { retryOf } from "./retry.ts";

/** What the tasks of a service need to know. */
export type ServiceContext = {
  readonly directives: readonly Directive[];
  readonly remarks: Remarks;
  /** Expands the specifiers of a setting. */
  readonly expand: (text: string, place: SourcePlace) => string;
  /** The user of the tasks, if petit runs as another one. */
  readonly runAs: string | null;
  readonly isUser: boolean;
  readonly environment: Readonly<Record<string, string>>;
};

type Task = Readonly<Record<string, Json>>;

/** Translates the commands of a service into tasks, in the order of their `depends_on`. */
export const serviceTasks = (context: ServiceContext): readonly Task[] => {
  const { directives } = context;
  const type = lastOf(directives, "Service", "Type")?.value ?? "simple";
  const isOneshot = type === "oneshot";
  const ids = new Set<string>();
  const checks = checkTasks(context, ids);
  const fields = commonFields(context, isOneshot);
  const step = (name: StepName) =>
    commandsOf(name, context).map((command) => commandTask(command, { context, ids, fields: fields[name] }));
  const [condition, pre, start, post, stopPost] = [
    step("ExecCondition").map(asCondition),
    step("ExecStartPre"),
    step("ExecStart"),
    step("ExecStartPost"),
    step("ExecStopPost"),
  ];
  const before = chain([...checks, ...condition, ...pre], []);
  const main = chain(start, lastIds(before));
  const after = chain(post, lastIds(isOneshot ? main : before));
  if (!isOneshot)
    for (const directive of listOf(directives, "Service", "ExecStartPost"))
      context.remarks.note(place(directive), "it starts together with the main command");
  const upTo = [...before, ...main, ...after];
  const clean = chain(stopPost, lastIds(main), "all_done");
  const all = [...upTo, ...clean];
  return [...all, ...unitTasks(context, ids, all)];
};

type StepName = "ExecCondition" | "ExecStartPre" | "ExecStart" | "ExecStartPost" | "ExecStopPost";

const lastIds = (tasks: readonly Task[]): readonly string[] => {
  const id = tasks.at(-1)?.id;
  return typeof id === "string" ? [id] : [];
};

/** Lets each task wait for the one before, and the first one for `upstream`. */
const chain = (tasks: readonly Task[], upstream: readonly string[], condition?: string): readonly Task[] =>
  tasks.map((task, index) => {
    const needs = index === 0 ? upstream : lastIds(tasks.slice(0, index));
    if (needs.length === 0) return task;
    return { ...task, depends_on: [...needs], ...(condition === undefined ? {} : { condition }) };
  });

const checkTasks = (context: ServiceContext, ids: Set<string>): readonly Task[] => {
  const { directives, remarks, expand } = context;
  const { conditions, assertions, others } = conditionsOf(directives, (directive) =>
    expand(directive.value, place(directive)),
  );
  for (const directive of others) remarks.leaveOut(place(directive), whyLeftOut(directive.name).reason);
  return [
    conditionTask("conditions", conditions, { skips: true }),
    conditionTask("assertions", assertions, { skips: false }),
  ].flatMap((task) => {
    if (task === null) return [];
    uniqueId(String(task.id), ids);
    return [task];
  });
};

/** Exit statuses from 1 to 254 skip the service. A task of petit names them one by one, so the script makes them 1. */
const asCondition = (task: Task): Task => {
  const { command, args, script, ...rest } = task;
  const line =
    typeof script === "string"
      ? script.trim().replace(/^exec /m, "")
      : [command, ...(Array.isArray(args) ? args : [])].map((word) => shellText(String(word))).join(" ");
  return { ...rest, type: "shell", script: `${line} || exit $(($? == 255 ? 255 : 1))\n`, skip_exit_codes: [1] };
};

const commandsOf = (
  name: StepName,
  { directives, remarks, expand }: ServiceContext,
): readonly (ExecCommand & { readonly from: Directive })[] =>
  listOf(directives, "Service", name).flatMap((directive) => {
    const commands = readExec(directive.value, (word) => expand(word, place(directive)));
    if ("problem" in commands) {
      remarks.leaveOut(place(directive), commands.problem);
      return [];
    }
    for (const command of commands) {
      if (command.hasOtherName) remarks.leaveOut(place(directive), "the program is not given another name (@)");
      for (const word of command.dropped)
        remarks.leaveOut(place(directive), `'${word}' begins with $ and is no variable, so systemd drops it, too`);
    }
    return commands.map((command) => ({ ...command, from: directive }));
  });

/** The fields that all tasks of a step have. */
type StepFields = Readonly<Record<StepName, Task>>;

const commonFields = (context: ServiceContext, isOneshot: boolean): StepFields => {
  const { directives, remarks } = context;
  const spanOf = (...names: readonly string[]): Task => {
    const directive = lastOf(directives, "Service", ...names);
    const ms = directive === null ? "infinity" : parseTimeSpan(directive.value);
    if (directive !== null && ms === null)
      remarks.leaveOut(place(directive), "it is not a time span; expected one such as 15min");
    return typeof ms === "number" && ms > 0 ? { timeout: formatDuration(ms) } : {};
  };
  const starting = spanOf("TimeoutStartSec", "TimeoutSec");
  const running = isOneshot ? starting : spanOf("RuntimeMaxSec");
  const runtime = lastOf(directives, "Service", "RuntimeMaxSec");
  if (isOneshot && runtime !== null) remarks.note(place(runtime), "it has no effect with Type=oneshot");
  const start = { ...running, ...retryOf(directives, remarks), ...allowedFailures(directives, remarks) };
  return {
    ExecCondition: starting,
    ExecStartPre: starting,
    ExecStart: start,
    ExecStartPost: starting,
    ExecStopPost: {},
  };
};

/** SuccessExitStatus= becomes `allow_failure`, which has numbers only. */
const allowedFailures = (directives: readonly Directive[], remarks: Remarks): Task => {
  const codes: number[] = [];
  for (const directive of listOf(directives, "Service", "SuccessExitStatus"))
    for (const word of directive.value.split(/\s+/)) {
      const code = EXIT_NAMES[word] ?? (/^\d+$/.test(word) ? Number(word) : Number.NaN);
      if (code >= 1 && code <= 255) codes.push(code);
      else if (code !== 0) remarks.leaveOut(place(directive), `'${word}' is no exit status from 1 to 255`);
    }
  return codes.length === 0 ? {} : { allow_failure: { exit_codes: [...new Set(codes)] } };
};

/** The names of sysexits(3) from 64 on, and those of common signals, which count as 128 and their number. */
const EXIT_NAMES: Readonly<Record<string, number>> = {
  FAILURE: 1,
  ...Object.fromEntries(
    "USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG"
      .split(" ")
      .map((name, index) => [name, 64 + index]),
  ),
  SIGHUP: 129,
  SIGINT: 130,
  SIGKILL: 137,
  SIGPIPE: 141,
  SIGTERM: 143,
};

type TaskOptions = { readonly context: ServiceContext; readonly ids: Set<string>; readonly fields: Task };

const commandTask = (
  command: ExecCommand & { readonly from: Directive },
  { context, ids, fields }: TaskOptions,
): Task => {
  const id = uniqueId(jobIdOf(command.words.map(shellText).join(" ")), ids);
  const runAs = context.runAs === null || command.isPrivileged ? {} : { run_as: context.runAs };
  if (command.isPrivileged && context.runAs !== null)
    context.remarks.note(place(command.from), "it runs as petit's own user (+ or !)");
  return {
    id,
    ...programOf(command, context),
    ...runAs,
    ...fields,
    ...(command.ignoresFailure ? { allow_failure: true } : {}),
  };
};

/** A line of a shell that reads a file of variables. */
const environmentFiles = ({ directives, expand }: ServiceContext): readonly string[] =>
  listOf(directives, "Service", "EnvironmentFile").map((directive) => {
    const path = expand(directive.value, place(directive));
    const file = shellText(path.replace(/^-/, ""));
    return path.startsWith("-") ? `[ ! -r ${file} ] || . ${file}` : `. ${file}`;
  });

/** A command without a shell if nothing needs one: no variable, and no file of variables. */
const programOf = (command: ExecCommand & { readonly from: Directive }, context: ServiceContext): Task => {
  const files = environmentFiles(context);
  const plain = plainWords(command);
  if (plain !== null && files.length === 0) return { type: "command", ...programOfArgv(plain) };
  const quoted = new Map(
    splitNames(command).flatMap((name) => {
      const value = Object.hasOwn(context.environment, name) ? (context.environment[name] ?? "") : "";
      return files.length === 0 && /["'\\]/.test(value) ? [[name, splitValue(value)] as const] : [];
    }),
  );
  const { line, splits } = shellLine(command, quoted);
  if (splits && files.length > 0)
    context.remarks.note(place(command.from), "quotes in a value that is split stay; systemd removes them");
  const read = files.length === 0 ? [] : ["set -a", ...files, "set +a"];
  return shellTask([...read, ...(splits ? ["set -f"] : []), `exec ${line}`].join("\n"));
};

/** Templates are not allowed in a script, so one with `${{` is an argument. */
const shellTask = (script: string): Task =>
  script.includes("${{")
    ? { type: "command", command: "/bin/sh", args: ["-e", "-c", script] }
    : { type: "shell", script: `${script}\n` };

/** Units of OnFailure= and OnSuccess= are started by systemd, as before. */
const unitTasks = (
  { directives, expand, isUser, remarks }: ServiceContext,
  ids: Set<string>,
  tasks: readonly Task[],
): readonly Task[] =>
  (["OnFailure", "OnSuccess"] as const).flatMap((name) => {
    const found = listOf(directives, "Unit", name);
    const units = found.flatMap((directive) => expand(directive.value, place(directive)).split(/\s+/));
    for (const directive of found)
      remarks.note(place(directive), "a task starts it with systemctl; `notify` can report failures without systemd");
    if (units.length === 0 || tasks.length === 0) return [];
    const upstream = tasks.flatMap(({ id }) => (typeof id === "string" ? [id] : []));
    return [
      {
        id: uniqueId(name === "OnFailure" ? "on-failure" : "on-success", ids),
        type: "command",
        command: "systemctl",
        args: [...(isUser ? ["--user"] : []), "start", "--no-block", ...units],
        depends_on: upstream,
        ...(name === "OnFailure" ? { condition: "on_failure" } : {}),
      },
    ];
  });

/** Returns whether a setting is set to true. */
export const isOn = (directive: Directive | null): boolean => directive !== null && booleanOf(directive.value) === true;
