import { resolve } from "node:path";
import type { NotifyTarget } from "../../domain/notification.ts";
import { buildNotify } from "../build/notify.ts";
import { checkNotify } from "../check/notify.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport } from "../report.ts";
import type { ObjectType } from "../schema/field.ts";
import { notify } from "../schema/notify.ts";
import { isWhole, readValue } from "./value.ts";

const DEFAULTS = {
  kind: "object",
  fields: { notify: { type: notify, doc: "The receivers of jobs that name none." } },
} as const satisfies ObjectType;

/** Where an entry of the configuration file stands. */
export type ConfigSource = {
  /** The text of the file. */
  readonly text: string;
  /** Its folder, to which paths are relative. */
  readonly folder: string;
};

/** Reads the `notify` list of a configuration file by the rules of a job's. Returns its problems, or the targets with absolute paths. */
export const readDefaultNotify = (
  entry: Entry,
  { text, folder }: ConfigSource,
): { readonly targets: readonly NotifyTarget[] } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, text);
  const draft = readValue(root, DEFAULTS, Place.top(report));
  if (draft?.notify !== undefined) checkNotify(draft, report);
  if (draft === undefined || report.faults.length > 0 || !isWhole(DEFAULTS, draft, report))
    return { faults: report.faults };
  return { targets: (draft.notify ?? []).map((fields) => buildNotify(fields, (path) => resolve(folder, path))) };
};
