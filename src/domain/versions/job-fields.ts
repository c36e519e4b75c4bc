import { formatDuration } from "../../lib/duration.ts";
import { isJsonMap, type Json } from "../../lib/json.ts";
import { assertNever } from "../../lib/never.ts";
import { formatSize } from "../../lib/size.ts";
import type { EventTrigger } from "../deliveries/trigger.ts";
import type { ItemSource, ItemsSpec } from "../item.ts";
import type { HttpBody, HttpProgram, Job, Program, Task } from "../job.ts";
import type { ScheduleSpec } from "../schedule/schedule.ts";

export type Fields = { readonly [name: string]: Json };

/**
 * Returns a definition under the names that its fields have in a job file, for people and for comparisons. Fields without a value are
 * missing, durations and sizes are texts such as `5m` and `512MiB`. The place in the file is not among them.
 */
export const jobFields = ({ source: _source, hasDefaultNotify: _default, ...job }: Job): Fields =>
  withoutMissing({
    ...fieldsOf({ ...job, schedule: null, triggers: [], tasks: [], notify: [], params: {} }),
    schedule: job.schedule === null ? undefined : scheduleFields(job.schedule),
    triggers: job.triggers?.map(triggerFields),
    params: mapOf(job.params, fieldsOf),
    // An empty list is no missing one: it means that nobody is notified.
    notify: job.notify?.map(fieldsOf),
    tasks: job.tasks.map(taskFields),
  });

const scheduleFields = ({ expressions, except, ...schedule }: ScheduleSpec): Fields =>
  withoutMissing({
    cron: expressions.length === 1 ? expressions[0] : expressions,
    ...fieldsOf(schedule),
    except: except === undefined ? undefined : [...except.dates, ...except.files],
  });

const triggerFields = (trigger: EventTrigger): Fields => {
  if (trigger.type !== "webhook") return fieldsOf(trigger);
  const { verification, secrets, ...webhook } = trigger;
  const { scheme, ...details } = verification;
  // Only these schemes have a choice of what else is verified.
  const hasDetails = scheme === "hmac" || scheme === "token";
  const secret: readonly Json[] = secrets;
  return withoutMissing({
    ...fieldsOf(webhook),
    verify: scheme,
    ...(hasDetails && fieldsOf(details)),
    secret: secret.length === 1 ? secret[0] : secret,
  });
};

const taskFields = ({ program, items, allowFailure, ...task }: Task): Fields =>
  withoutMissing({
    ...fieldsOf(task),
    ...programFields(program),
    ...(items !== undefined && itemsFields(items)),
    allow_failure: allowFailure === undefined ? undefined : allowFailure === "always" ? true : fieldsOf(allowFailure),
  });

const programFields = (program: Program): Fields => {
  // An inline program and one in a file are written in the same field.
  if ("text" in program) return { type: program.type, inline: true, script: program.text };
  if ("file" in program) return { type: program.type, script: program.file };
  return program.type === "http" ? requestFields(program) : fieldsOf(program);
};

const requestFields = ({ statuses, body, ...request }: HttpProgram): Fields =>
  withoutMissing({
    ...fieldsOf(request),
    ...(body !== null && bodyFields(body)),
    expect: statuses === null ? undefined : { status: statuses },
  });

const bodyFields = (body: HttpBody): Fields => {
  switch (body.kind) {
    case "json":
      return { json: body.value };
    case "text":
      return { body: body.text };
    case "form":
      return { form: body.fields };
    case "file":
      return { file: body.path };
    default:
      return assertNever(body);
  }
};

const itemsFields = ({ source, key, maxFailures, ...items }: ItemsSpec): Fields =>
  withoutMissing({
    ...sourceFields(source),
    item_key: key ?? undefined,
    ...fieldsOf(items),
    max_failures: maxFailures.unit === "percent" ? `${maxFailures.value}%` : maxFailures.value,
  });

const sourceFields = (source: ItemSource): Fields => {
  switch (source.kind) {
    case "list":
      return { foreach: source.values };
    case "range":
      return { foreach: { range: [source.from, source.to] } };
    case "template":
      return { foreach: source.text };
    case "matrix": {
      const { declared, combinations } = source;
      if (declared === undefined) return { matrix: { include: combinations } };
      const { axes, exclude, include } = declared;
      return {
        matrix: { ...axes, ...(exclude.length > 0 && { exclude }), ...(include.length > 0 && { include }) },
      };
    }
    default:
      return assertNever(source);
  }
};

/** The fields whose value is from the job file as it is: its names are those of people. */
const VERBATIM: ReadonlySet<string> = new Set(["config", "environment", "headers", "links", "outputs", "params"]);

/** Names that differ by more than their spelling. */
const NAMES: Readonly<Record<string, string>> = { jobId: "job" };

/** Returns the fields of an object of the domain, without those that have no value. */
const fieldsOf = (object: object): Fields =>
  withoutMissing(
    Object.fromEntries(
      Object.entries(object as Fields).map(([name, value]) => {
        if (VERBATIM.has(name)) return [name, isEmpty(value) ? undefined : value];
        if (name.endsWith("Ms") && typeof value === "number") return [nameOf(name.slice(0, -2)), formatDuration(value)];
        if (name.endsWith("Bytes") && typeof value === "number") return [nameOf(name.slice(0, -5)), formatSize(value)];
        const converted = convert(value);
        return [nameOf(name), isEmpty(converted) ? undefined : converted];
      }),
    ),
  );

const convert = (value: Json): Json => {
  if (Array.isArray(value)) return value.map((each: Json) => convert(each));
  return isJsonMap(value) ? fieldsOf(value) : value;
};

const nameOf = (name: string): string =>
  NAMES[name] ?? name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const isEmpty = (value: Json | undefined): boolean => {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonMap(value) && Object.keys(value).length === 0;
};

const mapOf = <Value>(
  map: { readonly [name: string]: Value },
  convertValue: (value: Value) => Json,
): Json | undefined =>
  Object.keys(map).length === 0
    ? undefined
    : Object.fromEntries(Object.entries(map).map(([name, value]) => [name, convertValue(value)]));

const withoutMissing = (fields: { readonly [name: string]: Json | undefined }): Fields =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
