import type { TaskLimits } from "../../domain/limits/task-limits.ts";
import { buildLimits } from "../build/limits.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport } from "../report.ts";
import type { ObjectType } from "../schema/field.ts";
import { LIMITS } from "../schema/limits.ts";
import type { ConfigSource } from "./default-notify.ts";
import { isWhole, readValue } from "./value.ts";

const CONFIGURATION = {
  kind: "object",
  fields: { limits: { type: LIMITS, doc: "What the processes of each task may use.", required: true } },
} as const satisfies ObjectType;

/** Reads `limits` of a configuration file. Returns its problems, or the limits of tasks whose job has none. */
export const readDefaultLimits = (
  entry: Entry,
  { text }: Pick<ConfigSource, "text">,
): { readonly limits: TaskLimits } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, text);
  const draft = readValue(root, CONFIGURATION, Place.top(report));
  if (draft === undefined || report.faults.length > 0 || !isWhole(CONFIGURATION, draft, report))
    return { faults: report.faults };
  return { limits: buildLimits(draft.limits) ?? {} };
};
