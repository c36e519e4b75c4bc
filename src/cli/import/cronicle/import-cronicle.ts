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
import { type ExportRecord, itemsOf, readExport } from "./export.ts";

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
    year: new Date(context.clock.now()).getUTCFullYear(),
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

type Common = Pick<CronicleEvent, "mail" | "year"> & { readonly file: string };

/** Returns the events with the jobs that start them: those whose chain names them. */
const eventsOf = (records: readonly ExportRecord[], { file, mail, year }: Common): readonly CronicleEvent[] => {
  const ids = new Set<string>();
  const events = itemsOf(records, "global/schedule").map(({ line, item }) => {
    const key = String(item.id ?? "");
    const title = typeof item.title === "string" ? item.title : key;
    return { key, item, line, id: uniqueId(idOfName(title, "event"), ids), remarks: new Remarks() };
  });
  const plugins = new Map(itemsOf(records, "global/plugins").map(({ item }) => [String(item.id), item]));
  const categories = new Map(
    itemsOf(records, "global/categories").map(({ item }) => [String(item.id), String(item.title ?? item.id)]),
  );
  const known = new Set(events.map(({ key }) => key));
  return events.map(({ key, item, line, id, remarks }) => {
    const fields = new EventFields(item, { file, line, remarks });
    for (const name of ["chain", "chain_error"]) {
      const other = fields.text(name);
      if (other !== null && !known.has(other)) fields.leaveOut(name, "the export does not have that event");
    }
    return {
      id,
      fields,
      plugin: plugins.get(String(item.plugin)) ?? null,
      category: typeof item.category === "string" ? (categories.get(item.category) ?? item.category) : null,
      startedBy: events.flatMap((other) => [
        ...(key !== "" && other.item.chain === key ? [{ job: other.id, on: "completed" as const }] : []),
        ...(key !== "" && other.item.chain_error === key ? [{ job: other.id, on: "failed" as const }] : []),
      ]),
      mail,
      year,
    };
  });
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
    if (!/^global\/categories\/\d+$/.test(key) || !Array.isArray(value.items)) return [];
    return itemsOf([{ key, line, value }], "global/categories").flatMap(({ item }) =>
      Object.entries(item).flatMap(([name, setting]): readonly Fate[] =>
        /^(?:max_children|notify_success|notify_fail|web_hook|memory_limit|cpu_limit)$/.test(name) &&
        setting !== 0 &&
        setting !== ""
          ? [
              {
                file,
                line,
                outcome: "left_out",
                jobId: null,
                notes: [`${name}: ${setting} of the category ${item.title}: a job has it itself`],
              },
            ]
          : [],
      ),
    );
  });
