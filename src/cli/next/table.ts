import type { JobOccurrences, NextOccurrence } from "../../domain/schedule/next-occurrences.ts";
import { distanceText } from "../../domain/words/duration.ts";
import { formatDuration } from "../../lib/duration.ts";
import { pluralize } from "../../lib/text.ts";
import { fold } from "../terminal/columns.ts";
import { readableLocal, shortLocal } from "../terminal/local-time.ts";
import { type Column, columnTable } from "../terminal/table.ts";
import type { Screen } from "../terminal/terminal.ts";

/** How to show times. */
export type TableOptions = {
  /** The current time; null if the list starts at another time, so that times are complete. */
  readonly now: number | null;
  /** The reader's zone. */
  readonly home: string;
  readonly out: Screen;
};

/** Returns one row per job, with its next occurrences. Jobs that are due every few minutes share a line below. */
export const jobTable = (jobs: readonly JobOccurrences[], options: TableOptions): string => {
  const rows = jobs.filter(({ everyMs }) => everyMs === null);
  const starts = rows.map(({ occurrences }) => occurrences.filter(({ isExcluded }) => !isExcluded));
  const first = starts.flatMap((occurrences) => occurrences.slice(0, 1));
  const notes = rows.map(({ occurrences }) => noteOf(occurrences, options));
  return [
    columnTable(
      [
        { title: "WHEN", cells: first.map((each) => timeText(each, options)) },
        ...distanceColumn(first, options),
        { title: "JOB", cells: first.map(({ jobId }) => jobId), shrink: 4, min: 12 },
        ...thenColumn(starts, options),
        noteColumn(notes),
      ],
      options.out,
    ),
    frequentText(
      jobs.flatMap(({ jobId, everyMs }) => (everyMs === null ? [] : [{ jobId, everyMs }])),
      rows.length > 0,
      options.out,
    ),
  ].join("");
};

/** Returns one row per occurrence. */
export const occurrenceTable = (occurrences: readonly NextOccurrence[], options: TableOptions): string =>
  columnTable(
    [
      { title: "WHEN", cells: occurrences.map(({ at, zone }) => readableLocal(at, zone)) },
      ...distanceColumn(occurrences, options),
      { title: "JOB", cells: occurrences.map(({ jobId }) => jobId), shrink: 4, min: 6 },
      noteColumn(occurrences.map(({ note }) => note ?? "")),
    ],
    options.out,
  );

/** A terminal also shows how far away the time is. */
const distanceColumn = (occurrences: readonly NextOccurrence[], { now, out }: TableOptions): readonly Column[] =>
  !out.isTerminal || now === null
    ? []
    : [{ title: "IN", cells: occurrences.map(({ at }) => distanceText(at - now)), drop: 2 }];

const noteColumn = (notes: readonly string[]): Column => ({
  title: "",
  cells: notes,
  style: () => "yellow",
  shrink: 1,
  min: 14,
  drop: 6,
});

const thenColumn = (rows: readonly (readonly NextOccurrence[])[], options: TableOptions): readonly Column[] => {
  const cells = rows.map((occurrences) => thenText(occurrences.slice(1), options));
  return cells.every((cell) => cell === "") ? [] : [{ title: "THEN", cells, shrink: 3, min: 12, drop: 5 }];
};

/** Returns the times of the later occurrences. On a terminal they don't repeat the zone. */
const thenText = (occurrences: readonly NextOccurrence[], { now, out }: TableOptions): string =>
  occurrences.map((each) => timeText(each, { now, out, home: each.zone })).join(", ");

const timeText = ({ at, zone }: NextOccurrence, { now, home, out }: TableOptions): string =>
  out.isTerminal && now !== null ? shortLocal(at, { now, zone, home }) : readableLocal(at, zone);

/** Returns the first note of the occurrences, with its time if it is not about the next one. */
const noteOf = (occurrences: readonly NextOccurrence[], options: TableOptions): string => {
  const noted = occurrences.find(({ note }) => note !== null);
  if (noted === undefined) return "";
  return noted === occurrences[0] || noted.isExcluded
    ? (noted.note ?? "")
    : `${timeText(noted, options)}: ${noted.note}`;
};

type FrequentJob = { readonly jobId: string; readonly everyMs: number };

/** Returns a line with jobs that are due every few minutes, the most frequent one first, or an empty text if there are none. */
export const frequentText = (
  jobs: readonly FrequentJob[],
  followsOthers: boolean,
  out: Screen,
  maxNames: number | null = null,
): string => {
  if (jobs.length === 0) return "";
  const sorted = jobs.toSorted((left, right) => left.everyMs - right.everyMs).slice(0, maxNames ?? jobs.length);
  const texts = sorted.map(({ jobId, everyMs }) => `${jobId} every ${formatDuration(everyMs)}`);
  const names = [...texts, ...(sorted.length < jobs.length ? ["…"] : [])].join(", ");
  const start = `${followsOthers ? "and " : ""}${pluralize(jobs.length, "frequent job")}`;
  return `${fold(`${start}: ${names}`, "  ", out)}\n`;
};
