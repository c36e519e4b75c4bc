import { LIMIT_BOUNDS } from "../../../domain/limits/task-limits.ts";
import { isTimezone } from "../../../domain/schedule/local-time.ts";
import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import type { MailServer } from "../crontab/mail.ts";
import { idOfName } from "../job-id.ts";
import { withoutTemplates } from "../templates.ts";
import type { EventFields } from "./event-fields.ts";
import { asMap, type Plain, type PlainMap } from "./export.ts";
import { pluginTask } from "./plugins.ts";

/** An event that becomes a job, with what it needs of the others. */
export type CronicleEvent = {
  readonly id: string;
  readonly fields: EventFields;
  /** The plugin of the event; null if the export does not have it. */
  readonly plugin: PlainMap | null;
  /** The title of its category; null if it has none. */
  readonly category: string | null;
  /** The jobs whose end starts it, and how they have to end. */
  readonly startedBy: readonly { readonly job: string; readonly on: "completed" | "failed" }[];
  readonly mail: MailServer | null;
  /** The current year. */
  readonly year: number;
};

const REASONS: Readonly<Record<string, string>> = {
  target: "petit runs it on its own machine; `runs_on` names workers",
  algo: "petit runs it on its own machine; `runs_on` names workers",
  multiplex: "petit runs it on one machine",
  stagger: "petit runs it on one machine",
  queue_max: "petit has no limit of waiting runs",
  log_max_size: "the setting log_limit limits the output of all tasks",
  cpu_sustain: "a limit of petit holds at each moment",
  memory_sustain: "a limit of petit holds at each moment",
  detached: "tasks of petit outlive it anyway",
};

/** Fields about the event itself, which no job needs. */
const ABOUT = ["id", "created", "modified", "username", "api_key", "sudo"];

/** Returns the job file of an event. */
export const eventJob = (event: CronicleEvent): string => {
  const { id, fields } = event;
  for (const name of ABOUT) fields.take(name);
  const title = fields.text("title");
  const notes = fields.text("notes");
  fields.take("category");
  fields.take("plugin");
  const isEnabled = fields.boolean("enabled");
  const schedule = scheduleOf(event);
  const task = pluginTask(fields, event.plugin);
  const timeout = fields.number("timeout");
  const [retries, delay] = [fields.number("retries"), fields.number("retry_delay")];
  const limits = limitsOf(fields);
  const concurrency = fields.number("max_children");
  const queues = fields.boolean("queue");
  const notify = notifyOf(event);
  const tag = event.category === null ? "" : idOfName(event.category, "");
  const triggers = event.startedBy.map(({ job, on }, index) => ({
    type: "run",
    name: `after-${index + 1}`,
    job,
    on: [on],
  }));
  fields.take("chain");
  fields.take("chain_error");
  fields.nameTheRest(REASONS);
  const job: Record<string, Json> = {
    id,
    ...(title === null || title === id ? {} : { name: title.slice(0, 256) }),
    ...(notes === null ? {} : { description: notes }),
    ...(tag === "" ? {} : { tags: [tag] }),
    ...(isEnabled ? {} : { enabled: false }),
    ...(schedule === null ? {} : { schedule }),
    ...(triggers.length === 0 ? {} : { triggers }),
    ...(concurrency === null ? {} : { max_concurrency: concurrency }),
    ...(queues ? { on_overlap: "queue" } : {}),
    ...(limits === null ? {} : { limits }),
    ...(notify.length === 0 ? {} : { notify: [...notify] }),
    tasks: [
      {
        id: "run",
        ...task,
        ...(timeout === null ? {} : { timeout: `${Math.ceil(timeout)}s` }),
        ...(retries === null
          ? {}
          : {
              retry: {
                max_attempts: Math.floor(retries),
                ...(delay === null ? {} : { delay: `${Math.ceil(delay)}s` }),
              },
            }),
      },
    ],
  };
  const head = [
    `From ${escapeUnprintable(`${fields.file}, line ${fields.line}: ${title ?? id}`)}.`,
    ...fields.remarks.comments(),
  ];
  return jobText({ head, fields: withoutTemplates(job) });
};

const LISTS = [
  ["minutes", 0, 59],
  ["hours", 0, 23],
  ["days", 1, 31],
  ["months", 1, 12],
  ["weekdays", 0, 6],
] as const;

/** All lists of a timing must match. An event without one runs only by hand and by others. */
const scheduleOf = ({ fields, year }: CronicleEvent): Json | null => {
  const timing = asMap(fields.take("timing"));
  const zone = fields.text("timezone");
  const catchup = fields.boolean("catch_up");
  if (timing === null) return null;
  if (zone !== null && !isTimezone(zone)) {
    fields.leaveOut("timezone", "petit does not know the time zone, so the schedule is left out");
    return null;
  }
  const years = numbersOf(timing.years);
  if (years.length > 0) {
    fields.leaveOut(
      "timing",
      Math.max(...years) < year ? "its years have passed" : "it is limited to some years; a schedule of petit has none",
    );
    return null;
  }
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = LISTS.map(([name, min, max]) =>
    listText(numbersOf(timing[name]), min, max),
  );
  const expression = [minute, hour, day, month, day === "*" || weekday === "*" ? weekday : `+${weekday}`].join(" ");
  const unusable = whyUnusable(expression);
  if (unusable !== null) {
    fields.leaveOut("timing", unusable);
    return null;
  }
  if (catchup) fields.note("catch_up", "petit makes up for at most 100 occurrences");
  return {
    cron: expression,
    ...(zone === null ? {} : { timezone: zone }),
    ...(catchup ? { catchup: "all", catchup_window: "366d" } : { catchup: "none" }),
  };
};

const numbersOf = (value: Plain | undefined): readonly number[] =>
  Array.isArray(value) ? [...new Set(value.map(Number))].filter(Number.isFinite).sort((a, b) => a - b) : [];

/** An empty list matches all values. */
const listText = (values: readonly number[], min: number, max: number): string => {
  const all = max - min + 1;
  if (values.length === 0 || values.length === all) return "*";
  const [first = 0, second = 0] = values;
  const step = second - first;
  const isStepped =
    first === min &&
    step > 1 &&
    values.length === Math.ceil(all / step) &&
    values.every((value, index) => value === min + index * step);
  if (isStepped && values.length > 1) return `*/${step}`;
  const isRange = values.length > 2 && values.every((value, index) => value === first + index);
  return isRange ? `${first}-${values.at(-1)}` : values.join(",");
};

const limitsOf = (fields: EventFields): Json | null => {
  const [cpu, memory] = [fields.number("cpu_limit"), fields.number("memory_limit")];
  if (cpu !== null) fields.note("cpu_limit", "petit slows the task down at the limit, and does not end it");
  if (memory !== null) fields.note("memory_limit", "petit ends the task as soon as it needs more");
  const limits = {
    ...(memory === null
      ? {}
      : { memory: `${Math.max(Math.ceil(memory / 1024), LIMIT_BOUNDS.memoryBytes.min / 1024)}KiB` }),
    ...(cpu === null ? {} : { cpus: Math.max(cpu / 100, LIMIT_BOUNDS.cpus.min) }),
  };
  return Object.keys(limits).length === 0 ? null : limits;
};

const MAILBOX = /^[^\s<>@,;:"\\]{1,64}@[^\s<>@,;:"\\]{1,255}$/;

/** Mails need a mail server, which an export does not have. */
const notifyOf = ({ fields, mail }: CronicleEvent): readonly Json[] => {
  const mails = (["notify_fail", "notify_success"] as const).flatMap((name): readonly Json[] => {
    const to = (fields.text(name) ?? "").split(/[\s,]+/).filter((address) => address !== "");
    if (to.length === 0) return [];
    if (mail === null || !to.every((address) => MAILBOX.test(address))) {
      fields.leaveOut(
        name,
        mail === null
          ? "--smtp names the mail server; `notify` of the configuration file can send it"
          : "expected addresses",
      );
      return [];
    }
    return [
      {
        type: "email",
        ...mail.fields,
        from: mail.from ?? `cronicle@${mail.domain}`,
        to,
        on: [name === "notify_fail" ? "failure" : "success"],
      },
    ];
  });
  const hook = fields.text("web_hook");
  if (hook === null) return mails;
  if (!/^https?:\/\/[^\s@]+$/.test(hook)) {
    fields.leaveOut("web_hook", "expected an http or https URL without a password");
    return mails;
  }
  fields.note("web_hook", "petit sends JSON of its own");
  return [...mails, { type: "webhook", url: hook, on: ["started", "success", "failure", "cancelled"] }];
};
