import { LIMIT_BOUNDS } from "../../../domain/limits/task-limits.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable, shorten } from "../../../lib/text.ts";
import type { MailServer } from "../crontab/mail.ts";
import { idOfName } from "../job-id.ts";
import { withoutTemplates } from "../templates.ts";
import type { EventFields } from "./event-fields.ts";
import { isOff, type PlainMap } from "./export.ts";
import { notifyOf } from "./notify.ts";
import { pluginTask } from "./plugins.ts";
import { scheduleOf } from "./timing.ts";

/** An event that becomes a job, with what it needs of the others. */
export type CronicleEvent = {
  readonly id: string;
  /** The fields of the event, and of its category what the event leaves to it. */
  readonly fields: EventFields;
  /** The plugin of the event; null if the export does not have it. */
  readonly plugin: PlainMap | null;
  /** The category of the event; null if the export does not have it. */
  readonly category: PlainMap | null;
  /** The jobs whose end starts it, and how they have to end. */
  readonly startedBy: readonly { readonly job: string; readonly on: "completed" | "failed" }[];
  readonly mail: MailServer | null;
  /** In ms since the Unix epoch. */
  readonly now: number;
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

/** The most runs at once and retries that a job can have. */
const MAX_COUNT = 1_000_000;

/** Fields about the event itself, which no job needs. */
const ABOUT = ["id", "created", "modified", "username", "api_key", "sudo"];

/** Returns the job file of an event. */
export const eventJob = (event: CronicleEvent): string => {
  const { id, fields, category, startedBy, mail, now } = event;
  for (const name of ABOUT) fields.take(name);
  const name = nameOf(fields);
  const notes = fields.text("notes");
  const categoryName = fields.text("category");
  const tag = categoryName === null ? "" : idOfName(String(category?.title ?? categoryName), "").slice(0, 64);
  const isEnabled = isEnabledIn(event);
  // Cronicle starts an event that is not enabled after others, but never by its timing.
  const schedule = fields.boolean("enabled") || !isEnabled ? scheduleOf(fields, now) : null;
  for (const part of ["timing", "timezone", "catch_up"]) fields.take(part);
  const task = pluginTask(fields, event.plugin);
  const limits = limitsOf(fields);
  const concurrency = fields.number("max_children", MAX_COUNT);
  // With catch_up, an occurrence that finds too many runs is tried again each minute.
  const queues = fields.boolean("queue") || (schedule !== null && fields.boolean("catch_up"));
  const notify = notifyOf(fields, mail);
  const ending = endingOf(fields, task.timeoutSeconds);
  nameCategory(fields, category);
  const triggers = startedBy.map(({ job, on }, index) => ({ type: "run", name: `after-${index + 1}`, job, on: [on] }));
  fields.take("chain");
  fields.take("chain_error");
  fields.nameTheRest(REASONS);
  const job: Record<string, Json> = {
    id,
    ...(name === null || name === id ? {} : { name }),
    ...(notes === null ? {} : { description: proseOf(fields, "notes", notes) }),
    ...(tag === "" ? {} : { tags: [tag] }),
    ...(isEnabled ? {} : { enabled: false }),
    ...(schedule === null ? {} : { schedule }),
    ...(triggers.length === 0 ? {} : { triggers }),
    ...(concurrency === null ? {} : { max_concurrency: Math.ceil(concurrency) }),
    ...(queues ? { on_overlap: "queue" } : {}),
    ...(limits === null ? {} : { limits }),
    ...(notify.length === 0 ? {} : { notify: [...notify] }),
    tasks: [{ id: "run", ...task.fields, ...ending }],
  };
  const head = [
    `From ${escapeUnprintable(`${fields.file}, line ${fields.line}: ${fields.text("title") ?? id}`)}.`,
    ...fields.remarks.comments(),
  ];
  return jobText({ head, fields: withoutTemplates(job) });
};

/** A name of petit is one line of visible characters. */
const nameOf = (fields: EventFields): string | null => {
  const title = fields.text("title");
  if (title === null) return null;
  const visible = title.toWellFormed().replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, " ");
  const name = shorten(visible.trim(), 256);
  if (visible !== title) fields.note("title", "characters that can't be shown are blanks");
  return name === "" ? null : name;
};

/** Returns a text of several lines without control characters. */
const proseOf = (fields: EventFields, name: string, text: string): string => {
  const prose = text.toWellFormed().replace(/[^\P{Cc}\t\n\r]/gu, " ");
  if (prose !== text) fields.note(name, "characters that can't be shown are blanks");
  return prose;
};

/** Returns whether the job is enabled. Nothing of a category or a plugin that is off runs. */
const isEnabledIn = ({ fields, plugin, category, startedBy }: CronicleEvent): boolean => {
  const off = (
    [
      ["category", category],
      ["plugin", plugin],
    ] as const
  ).filter(([, map]) => isOff(map));
  for (const [kind] of off) fields.note(kind, `the ${kind} is not enabled, so the job is not`);
  if (off.length > 0) return false;
  if (fields.boolean("enabled")) return true;
  if (startedBy.length === 0) return false;
  if (fields.take("timing"))
    fields.leaveOut("timing", "the event is not enabled: it runs only after others, and so does the job");
  return true;
};

/** Names what a category limits for all of its events together. */
const nameCategory = (fields: EventFields, category: PlainMap | null): void => {
  const max = Number(category?.max_children ?? 0);
  if (max > 0)
    fields.leaveOut(
      "category",
      `at most ${max} of all its events run at once; \`queue\` names a queue, whose slots the setting \`queues\` has`,
    );
};

/** Returns the timeout and the retries of the task. */
const endingOf = (fields: EventFields, ownSeconds: number | null): Readonly<Record<string, Json>> => {
  const seconds = fields.number("timeout");
  const timeout = Math.min(seconds ?? Number.POSITIVE_INFINITY, ownSeconds ?? Number.POSITIVE_INFINITY);
  const [retries, delay] = [fields.number("retries", MAX_COUNT), fields.number("retry_delay")];
  if (retries !== null && seconds !== null)
    fields.note(
      "timeout",
      "it counts for each attempt, and an attempt that took too long is retried; in Cronicle it counts for all attempts together",
    );
  return {
    ...(Number.isFinite(timeout) ? { timeout: `${Math.ceil(timeout)}s` } : {}),
    ...(retries === null
      ? {}
      : {
          retry: {
            max_attempts: Math.floor(retries),
            ...(delay === null ? {} : { delay: `${Math.ceil(delay)}s` }),
          },
        }),
  };
};

const limitsOf = (fields: EventFields): Json | null => {
  const { cpus } = LIMIT_BOUNDS;
  const [cpu, memory] = [
    fields.number("cpu_limit", cpus.max * 100),
    fields.number("memory_limit", Number.MAX_SAFE_INTEGER),
  ];
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
