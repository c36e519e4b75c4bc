import { isFinal } from "../../domain/run.ts";
import { RUN_STATUS_VERBS } from "../../domain/words/run.ts";
import { assertNever } from "../../lib/never.ts";
import { durationText, elapsedText } from "../run-display/status-text.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { relativeText } from "../terminal/relative-time.ts";
import type { Material, Occurrence, Run } from "./material.ts";
import { explain } from "./occurrence.ts";

export type When = { readonly now: number; readonly zone: string };

/** Why it ran last, and what came of that. */
export const lastText = ({ lastRun, job }: Material, when: When): string => {
  if (lastRun === null) return `${job.id} has never run`;
  const at = lastRun.started_at ?? lastRun.created_at;
  return `${relativeText(at - when.now)}, at ${readableLocal(at, when.zone)}: ${causeOf(lastRun, when)}; ${outcomeOf(lastRun, when)}`;
};

const causeOf = ({ trigger, scheduled_for, retry_of }: Run, { zone }: When): string => {
  const due = scheduled_for === null ? "" : ` at ${readableLocal(scheduled_for, zone)}`;
  switch (trigger) {
    case "schedule":
      return `it was due${due}`;
    case "catchup":
      return `it was due${due}, when petit was away or asleep, and was caught up on`;
    case "manual":
      return "somebody triggered it";
    case "retry":
      return `somebody retried run ${retry_of}`;
    default:
      return assertNever(trigger);
  }
};

const outcomeOf = (run: Run, { now }: When): string => {
  if (run.status === "pending") return `it waits for a place (run ${run.id})`;
  if (!isFinal(run.status))
    return `it has been running for ${elapsedText(now - (run.started_at ?? now))} (run ${run.id})`;
  const why = run.error ?? run.reason;
  return `it ${RUN_STATUS_VERBS[run.status]} after ${durationText(run.duration_ms ?? 0)}${why === null ? "" : `, ${why}`} (run ${run.id})`;
};

/** When it runs next by its schedule, or why it doesn't. */
export const nextText = ({ job, coming }: Material, { now, zone }: When): string => {
  const [next, ...later] = coming;
  if (!job.scheduled) return "when somebody triggers it: it has no schedule";
  if (!job.enabled) return "when somebody triggers it: it is disabled";
  if (next === undefined) return "when somebody triggers it: its schedule has no occurrence left";
  const more = later.length === 0 ? "" : `, then ${later.map((at) => readableLocal(at, zone)).join(", ")}`;
  return `${relativeText(next - now)}, at ${readableLocal(next, zone)}${more}`;
};

/** What became of its latest occurrences, newest first; those that went the same way in a row share a line. */
export const pastTexts = (material: Material, { zone }: When): readonly string[] =>
  inRows(material.occurrences.map((occurrence) => ({ occurrence, text: explain(occurrence, material) }))).map((row) => {
    const [newest, oldest] = [row[0], row.at(-1)];
    if (newest === undefined || oldest === undefined) return "";
    const from = readableLocal(oldest.occurrence.scheduled_for, zone);
    if (row.length === 1) return `${from}  ${newest.text}`;
    const until = readableLocal(newest.occurrence.scheduled_for, zone);
    return `${from}  and ${row.length - 1} more, until ${until}: ${newest.text}`;
  });

type Explained = { readonly occurrence: Occurrence; readonly text: string };

const inRows = (all: readonly Explained[]): readonly (readonly Explained[])[] => {
  const rows: Explained[][] = [];
  for (const each of all) {
    const row = rows.at(-1);
    if (row?.[0] !== undefined && wayOf(row[0]) === wayOf(each)) row.push(each);
    else rows.push([each]);
  }
  return rows;
};

/** Each has a run of its own. */
const wayOf = ({ occurrence, text }: Explained): string => (occurrence.outcome === "fired" ? "fired" : text);
