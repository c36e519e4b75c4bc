import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type EventTrigger, triggerKey } from "../../domain/deliveries/trigger.ts";
import type { Job } from "../../domain/job.ts";
import { bodyOf } from "../../engine/deliveries/body.ts";
import type { Arrival } from "../../engine/deliveries/deliveries.ts";
import type { TestEvent } from "../../jobfile/schema/test-file.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { assertNever } from "../../lib/never.ts";

/** What is wrong with the event of a test. */
export type WrongEvent = { readonly field: keyof TestEvent | null; readonly expected: string; readonly got: string };

/** Returns the trigger that an event reaches. */
export const triggerOf = (job: Pick<Job, "triggers">, event: TestEvent): EventTrigger | WrongEvent => {
  const found = findTrigger(job, event);
  return isWrong(found) ? found : (strayField(event, found) ?? found);
};

const findTrigger = ({ triggers = [] }: Pick<Job, "triggers">, event: TestEvent): EventTrigger | WrongEvent => {
  const names = triggers.map((trigger) => triggerKey(trigger) ?? `the ${trigger.type} trigger`);
  const known = names.join(", ");
  if (event.trigger === undefined) {
    const [only, second] = triggers;
    if (only !== undefined && second === undefined) return only;
    return only === undefined
      ? { field: null, expected: "a job with triggers", got: "none" }
      : { field: null, expected: "'trigger', because the job has several", got: known };
  }
  const found = triggers.find((trigger) => triggerKey(trigger) === event.trigger);
  return found ?? { field: "trigger", expected: "a trigger of the job", got: `only ${known || "none"}` };
};

/** The fields of an event that mean something to a trigger, beside its name. */
const FIELDS: Readonly<Record<EventTrigger["type"], readonly (keyof TestEvent)[]>> = {
  webhook: ["type", "body", "file", "headers"],
  files: ["paths"],
  run: ["status", "params", "outputs"],
  nats: ["body", "file", "headers", "subject"],
};

/** Returns what is wrong if an event has a field that its trigger does not know; otherwise null. */
const strayField = (event: TestEvent, { type }: EventTrigger): WrongEvent | null => {
  const known = FIELDS[type];
  for (const [name, value] of Object.entries(event)) {
    const field = name as keyof TestEvent;
    // Headers and outputs are empty if none are given.
    const isGiven = value !== undefined && (field === "body" || Object.keys(value ?? {}).length > 0);
    if (isGiven && field !== "trigger" && !known.includes(field))
      return { field, expected: `only ${known.join(", ")} for a trigger of type ${type}`, got: field };
  }
  return null;
};

export const isWrong = (found: EventTrigger | TestArrival | WrongEvent): found is WrongEvent => "expected" in found;

type TestArrival = Pick<Arrival, "trigger" | "eventTypes" | "event">;

/** Returns an event as it reaches the engine. `folder` is that of the test file. */
export const eventArrival = (
  event: TestEvent,
  trigger: Exclude<EventTrigger, { readonly type: "run" }>,
  { folder, now }: { readonly folder: string; readonly now: number },
): TestArrival | WrongEvent => {
  const body = readBody(event, folder);
  if ("wrong" in body) return body.wrong;
  const headers = Object.fromEntries(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]));
  switch (trigger.type) {
    case "webhook": {
      const type = event.type ?? trigger.events?.[0];
      return { trigger, eventTypes: type === undefined ? [] : [type], event: { body: body.value, headers } };
    }
    case "files": {
      const files = (event.paths ?? []).map((path) => ({ path: resolve(folder, path), size: 0, mtime: now }));
      const [first] = files;
      if (first === undefined) return { field: "paths", expected: "the paths of files", got: "none" };
      return { trigger, eventTypes: [], event: { ...(trigger.batch === "each" && { path: first.path }), files } };
    }
    case "nats": {
      const { stream, subject } = trigger;
      const data = { body: body.value, headers, subject: event.subject ?? subject, stream, seq: 1 };
      return { trigger, eventTypes: [], event: data };
    }
    default:
      return assertNever(trigger);
  }
};

type Body = { readonly value: NonNullable<TestEvent["body"]> | null } | { readonly wrong: WrongEvent };

const readBody = ({ body, file }: TestEvent, folder: string): Body => {
  if (file === undefined) return { value: body ?? null };
  try {
    return { value: bodyOf(readFileSync(resolve(folder, file))) };
  } catch (error) {
    return { wrong: { field: "file", expected: "a file that can be read", got: errorMessage(error) } };
  }
};
