import type { EventTriggerType } from "../../../domain/deliveries/trigger.ts";
import { hint } from "../../hints.ts";
import type { JobDraft } from "../../schema/job.ts";

type TriggerDraft = NonNullable<NonNullable<JobDraft["triggers"]>[number]>;
type EventSource = Pick<TriggerDraft, "type" | "batch">;

const COMMON = ["type", "id", "delivery_id"] as const;

/** The fields of the events of each type of trigger, beside those that all events have. */
const FIELDS: Readonly<Record<EventTriggerType, readonly string[]>> = {
  webhook: ["body", "headers"],
  files: ["path", "files"],
  run: ["run", "outputs"],
  nats: ["body", "headers", "subject", "stream", "seq"],
};

const RUN_FIELDS = ["id", "job_id", "status", "reason", "trigger", "params", "created_at", "started_at", "ended_at"];
const FILE_FIELDS = ["path", "size", "mtime"];

/**
 * Returns why no event of these triggers can have the value at `names`, as the rest of a sentence; or null. Names that differ only by case
 * are the same. A job without triggers may have had some, and its events may be repeated, so it can refer to all fields.
 */
export const whyNoEventValue = (names: readonly string[], triggers: readonly EventSource[]): string | null => {
  const [field, first, second] = names.map((name) => name.toLowerCase());
  if (field === undefined) return null;
  const types = typesOf(triggers);
  const known = new Set([...COMMON, ...types.flatMap((type) => FIELDS[type])]);
  if (triggers.length > 0 && triggers.every(isOfSeveralFiles)) known.delete("path");
  if (!known.has(field)) {
    if (field === "path" && triggers.some(isOfSeveralFiles))
      return "event.path does not exist with 'batch: all'; expected event.files";
    return whyNot(triggers.length === 0 ? "event" : `the event of a ${types.join(" or ")} trigger`, names[0], known);
  }
  if (field === "run" && first !== undefined) return whyNotIn("event.run", names[1], RUN_FIELDS);
  const isIndex = first !== undefined && /^\d+$/.test(first);
  return field === "files" && isIndex && second !== undefined
    ? whyNotIn(`event.files[${first}]`, names[2], FILE_FIELDS)
    : null;
};

const typesOf = (triggers: readonly EventSource[]): readonly EventTriggerType[] => {
  const all = Object.keys(FIELDS) as EventTriggerType[];
  // The type of a trigger with a mistake in it is unknown.
  if (triggers.length === 0 || triggers.some(({ type }) => type === undefined)) return all;
  return all.filter((type) => triggers.some((trigger) => trigger.type === type));
};

const isOfSeveralFiles = ({ type, batch }: EventSource): boolean => type === "files" && batch === "all";

const whyNotIn = (what: string, name: string | undefined, fields: readonly string[]): string | null =>
  fields.includes(name?.toLowerCase() ?? "") ? null : whyNot(what, name, new Set(fields));

const whyNot = (what: string, name = "", fields: ReadonlySet<string>): string =>
  `${what} has no '${name}'; ${hint(name, fields, `expected one of ${[...fields].join(", ")}`)}`;
