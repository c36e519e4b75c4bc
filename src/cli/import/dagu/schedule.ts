import { isTimezone } from "../../../domain/schedule/local-time.ts";
import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import type { Entry, Node } from "../../../jobfile/parse/node.ts";
import { parseDuration } from "../../../lib/duration.ts";
import type { Json } from "../../../lib/json.ts";
import { type Fields, textOf } from "./fields.ts";

/** A schedule in one time zone. */
export type ZoneSchedule = { readonly timezone: string | null; readonly schedule: Readonly<Record<string, Json>> };

/** Reads `schedule` and `catchup_window`. There is a schedule for each time zone. */
export const schedulesOf = (fields: Fields): readonly ZoneSchedule[] => {
  const entry = fields.take("schedule");
  const catchup = catchupOf(fields);
  if (entry === null) return [];
  const zones = new Map<string | null, string[]>();
  for (const { node, text } of startsOf(fields, entry)) {
    const place = fields.source.placeOfNode(node, `schedule: ${text}`);
    const [, zone = null, expression = ""] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(text.trim()) ?? [];
    const problem =
      zone !== null && !isTimezone(zone) ? `'${zone}' is not a time zone that petit knows` : whyUnusable(expression);
    if (problem !== null) fields.source.remarks.leaveOut(place, problem);
    else zones.set(zone, [...new Set([...(zones.get(zone) ?? []), expression])]);
    if (problem === null && expression.startsWith("@every"))
      fields.source.remarks.note(place, "counted from the Unix epoch");
  }
  return [...zones].map(([timezone, expressions]) => ({
    timezone,
    schedule: {
      cron: expressions.length === 1 ? (expressions[0] ?? "") : expressions,
      ...(timezone === null ? {} : { timezone }),
      ...catchup,
    },
  }));
};

type Start = { readonly node: Node; readonly text: string };

/** Returns the expressions that start runs. Those that stop or restart them are left out. */
const startsOf = (fields: Fields, entry: Entry): readonly Start[] => {
  if (entry.value.kind !== "map") return expressionsOf(fields, entry);
  const map = fields.source.fields(entry.value);
  for (const name of ["stop", "restart"]) {
    const other = map.take(name);
    if (other !== null) map.leaveOut(other, `petit has no schedule that ${name}s runs`);
  }
  const start = map.take("start", "cron", "expression");
  return start === null ? [] : expressionsOf(map, start);
};

const expressionsOf = (fields: Fields, entry: Entry): readonly Start[] => {
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  return nodes.flatMap((node): readonly Start[] => {
    if (node.kind === "map") {
      const map = fields.source.fields(node);
      const cron = map.take("cron", "expression");
      return cron === null ? [] : [{ node, text: textOf(cron.value) ?? "" }];
    }
    const text = textOf(node);
    if (text === null) fields.leaveOut(entry, "it is not a cron expression");
    return text === null || text === "" ? [] : [{ node, text }];
  });
};

/** Dagu only catches up with `catchup_window`. */
const catchupOf = (fields: Fields): Readonly<Record<string, Json>> => {
  const window = fields.text("catchup_window");
  const policy = fields.text("overlap_policy");
  if (window === null || parseDuration(window) === null) return { catchup: "none" };
  return { catchup: policy === "all" ? "all" : "latest", catchup_window: window };
};
