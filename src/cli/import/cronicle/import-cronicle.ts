import { readFileSync, statSync } from "node:fs";
import { PetitError } from "../../../domain/errors.ts";
import { EXIT, Failure } from "../../exit.ts";
import { readStdin } from "../../terminal/terminal.ts";
import { mailServer } from "../crontab/import-crontab.ts";
import { uniqueId } from "../crontab/job-name.ts";
import type { Fate, Imported, Importer } from "../imported.ts";
import { idOfName } from "../job-id.ts";
import { Remarks } from "../remarks.ts";
import { type CronicleEvent, eventJob } from "./event.ts";
import { EventFields } from "./event-fields.ts";
import { type ExportRecord, itemsOf, type PlainMap, readExport } from "./export.ts";

const MAX_BYTES = 64 * 2 ** 20;

/** Imports the events of an export of Cronicle. */
export const importCronicle: Importer = async (request): Promise<Imported> => {
  const { source = "-", context } = request;
  const file = source === "-" ? "stdin" : source;
  const { records, problems } = readExport(await readText(source), file);
  if (problems.length > 0) return { files: [], fates: [], problems, gone: [] };
  const events = eventsOf(records, {
    file,
    mail: mailServer(request),
    now: context.clock.now(),
  });
  const jobs = events.map((event) => ({ event, text: eventJob(event) }));
  const fates = jobs.flatMap(({ event: { id, fields } }): readonly Fate[] => [
    { file, line: fields.line, outcome: "job", jobId: id, notes: [] },
    ...fields.remarks.fates(),
  ]);
  return {
    files: jobs.map(({ event, text }) => ({ path: `${event.id}.yaml`, text })),
    fates: [...fates, ...otherRecords(records, file)],
    problems: [],
    gone: [],
  };
};

const readText = async (source: string): Promise<string> => {
  if (source === "-") return new TextDecoder().decode(await readStdin(MAX_BYTES));
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new PetitError("not_found", `there is no file ${source}; expected an export of Cronicle`);
  if (!stats.isFile())
    throw new PetitError("invalid_request", `${source} is not a file; expected an export of Cronicle`);
  if (stats.size > MAX_BYTES)
    throw new Failure(EXIT.FAILED, `${source} is larger than 64 MiB; expected an export of Cronicle`);
  return readFileSync(source, "utf8");
};

type Common = Pick<CronicleEvent, "mail" | "now"> & { readonly file: string };

/** The settings of a category that its events have if they do not say it themselves; `memory_sustain` goes with `memory_limit`. */
const OF_CATEGORY = [
  ["notify_success"],
  ["notify_fail"],
  ["web_hook"],
  ["memory_limit", "memory_sustain"],
  ["cpu_limit", "cpu_sustain"],
  ["log_max_size"],
] as const;

/** Returns the events with the jobs that start them: those whose chain names them. */
const eventsOf = (records: readonly ExportRecord[], { file, mail, now }: Common): readonly CronicleEvent[] => {
  const ids = new Set<string>();
  const events = itemsOf(records, "global/schedule").map(({ line, item }) => {
    const key = String(item.id ?? "");
    const title = typeof item.title === "string" ? item.title : key;
    const id = uniqueId(idOfName(title, "event"), ids);
    return { key, item, line, id };
  });
  const plugins = byId(records, "global/plugins");
  const categories = byId(records, "global/categories");
  const all = events.map(({ key, item, line, id }) => {
    const category = categories.get(String(item.category)) ?? null;
    const fields = new EventFields(withCategory(item, category), { file, line, remarks: new Remarks() });
    return { key, id, fields, category, plugin: plugins.get(String(item.plugin)) ?? null };
  });
  const chains = chainsOf(all);
  return all.map(({ id, fields, category, plugin }) => ({
    id,
    fields,
    plugin,
    category,
    startedBy: chains.filter(({ to }) => to === id).map(({ from, on }) => ({ job: from, on })),
    mail,
    now,
  }));
};

const byId = (records: readonly ExportRecord[], list: string): ReadonlyMap<string, PlainMap> =>
  new Map(itemsOf(records, list).map(({ item }) => [String(item.id), item]));

const withCategory = (item: PlainMap, category: PlainMap | null): PlainMap => {
  if (category === null) return item;
  const added = OF_CATEGORY.flatMap(([name, ...others]) =>
    item[name] || !category[name] ? [] : [name, ...others].map((each) => [each, category[each] ?? null] as const),
  );
  return { ...item, ...Object.fromEntries(added) };
};

type Chain = { readonly from: string; readonly to: string; readonly on: "completed" | "failed" };

/** Returns which job starts which one. A chain that would lead back to its own event is left out: petit refuses jobs that start each other without end. */
const chainsOf = (
  events: readonly { readonly key: string; readonly id: string; readonly fields: EventFields }[],
): readonly Chain[] => {
  const ids = new Map(events.map(({ key, id }) => [key, id]));
  const starts = new Map<string, Set<string>>(events.map(({ id }) => [id, new Set()]));
  const leads = (from: string, to: string, seen = new Set<string>()): boolean =>
    from === to || [...(starts.get(from) ?? [])].some((next) => !seen.has(next) && leads(next, to, seen.add(next)));
  return events.flatMap(({ id: from, fields }) =>
    (["chain", "chain_error"] as const).flatMap((name): readonly Chain[] => {
      const key = fields.text(name);
      const to = key === null ? undefined : ids.get(key);
      if (key === null) return [];
      if (to === undefined) fields.leaveOut(name, "the export does not have that event");
      else if (leads(to, from))
        fields.leaveOut(name, `${to} leads back to this event; petit refuses jobs that start each other without end`);
      else {
        starts.get(from)?.add(to);
        return [{ from, to, on: name === "chain" ? "completed" : "failed" }];
      }
      return [];
    }),
  );
};

const OTHERS: readonly (readonly [key: RegExp, reason: string])[] = [
  [/^users\//, "people of petit have tokens, or log in at a provider"],
  [/^global\/api_keys\/\d+$/, "`petit token` makes tokens"],
  [/^global\/servers\/\d+$/, "workers of petit connect by themselves"],
  [/^global\/server_groups\/\d+$/, "workers of petit have labels"],
];

/** Names the records that are no events. */
const otherRecords = (records: readonly ExportRecord[], file: string): readonly Fate[] =>
  records.flatMap(({ key, line, value }): readonly Fate[] => {
    const reason = OTHERS.find(([pattern]) => pattern.test(key))?.[1];
    const isEmpty = Array.isArray(value.items) && value.items.length === 0;
    if (reason !== undefined && !isEmpty)
      return [{ file, line, outcome: "left_out", jobId: null, notes: [`${key}: ${reason}`] }];
    return [];
  });
