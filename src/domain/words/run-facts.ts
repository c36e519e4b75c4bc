import type { RunFields, Trigger } from "../run.ts";
import { durationText } from "./duration.ts";
import { cpuText, memoryText, type ShownUsage } from "./limits/usage.ts";
import { TRIGGER_TEXT } from "./run.ts";
import { shortDigest } from "./versions/version.ts";

/** Something that is known about a run. The displays only lay it out. */
export type RunFact = {
  /** Its name in `petit status`, at most nine characters. Missing if that does not show it, or shows it with another fact. */
  readonly name?: string;
  /** Its name on the page. Missing if the page does not show it, or shows it elsewhere. */
  readonly title?: string;
  /** The words before its value in a sentence or a line of several facts. Missing if those leave it out. */
  readonly phrase?: string;
  readonly value: RunFactValue;
};

/** Times are in ms since the Unix epoch; null if they have not come yet. */
export type RunFactValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "trigger"; readonly trigger: Trigger; readonly by: string | null }
  /** `since`: it is so from then on. `occurrence`: a time of the schedule. */
  | { readonly kind: "time" | "since" | "occurrence"; readonly at: number | null }
  /** Null if it has not ended. `since` is when it began, null if it has not. */
  | { readonly kind: "duration"; readonly ms: number | null; readonly since: number | null }
  | { readonly kind: "runs"; readonly ids: readonly string[] }
  /** The id of a commit of the repository with the job files. */
  | { readonly kind: "commit"; readonly id: string }
  | { readonly kind: "task"; readonly runId: string; readonly taskId: string; readonly item: number | null };

/** A run as the API returns it. A list of runs says neither which runs retry one, nor its version, and an older petit does not say that at all. */
type FactRun = RunFields & {
  readonly retried_by?: readonly string[];
  readonly version?: { readonly version: number; readonly digest: string };
  readonly usage?: (ShownUsage & { readonly memory_limit_bytes: number | null }) | null;
};

/** Returns how a run came about and what became of it. */
export const causeFacts = (run: FactRun): readonly RunFact[] =>
  known([
    { name: "reason", value: text(run.reason) },
    { name: "error", value: text(run.error) },
    { name: "trigger", title: "Triggered", value: { kind: "trigger", trigger: run.trigger, by: run.triggered_by } },
    { name: "parent", title: "Started by run", phrase: "child of", value: task(run.parent) },
    { name: "asked by", value: text(run.triggered_by) },
    { name: "ended by", title: "Cancelled by", phrase: "cancelled by", value: text(run.cancelled_by) },
    { name: "scheduled", title: "Scheduled for", value: time("occurrence", run.scheduled_for) },
    // An older petit says neither this nor which backfill has made it.
    { name: "interval", title: "Interval from", value: time("time", run.interval_start ?? null) },
    { name: "backfill", value: text(run.backfill?.id ?? null) },
    {
      name: "version",
      value: text(run.version === undefined ? null : `${run.version.version} (${shortDigest(run.version.digest)})`),
    },
    { name: "commit", title: "Commit", phrase: "commit", value: commit(run.commit ?? null) },
    { name: "params", value: values(run.params) },
    {
      name: "retry of",
      title: "Retry of",
      phrase: "retries",
      value: runs(run.retry_of === null ? [] : [run.retry_of]),
    },
    { name: "outputs", value: values(run.outputs) },
    { name: "retries", title: "Retried by", phrase: "retried by", value: runs(run.retried_by ?? []) },
  ]);

/** Returns what follows the run with which a job recovered, if that had other params than the failed run. */
export const otherParamsText = (recovery: { readonly other_params?: boolean }): string =>
  recovery.other_params === true ? ", with other params" : "";

/** Returns when a run happened. */
export const timeFacts = (run: FactRun): readonly RunFact[] =>
  known([
    { title: "Queued", value: run.started_at === null ? time("time", run.created_at) : null },
    { name: "started", title: "Started", value: { kind: "time", at: run.started_at } },
    { name: "ended", title: "Ended", value: { kind: "time", at: run.ended_at } },
    { name: "took", title: "Took", value: { kind: "duration", ms: run.duration_ms, since: run.started_at } },
    { name: "used", value: text(usedText(run.usage ?? null)) },
    { name: "late", title: "Late since", phrase: "late since", value: time("since", run.late_at) },
  ]);

/** Returns what a run used: `CPU 1.2s, memory 480 of 512 MiB`. Null if petit did not measure it. */
export const usedText = (
  usage: NonNullable<FactRun["usage"]> | null,
  format: (ms: number) => string = durationText,
): string | null => {
  if (usage === null) return null;
  const memory = memoryText(usage, usage.memory_limit_bytes);
  return `CPU ${cpuText(usage, format)}${memory === null ? "" : `, memory ${memory}`}`;
};

type MaybeFact = Omit<RunFact, "value"> & { readonly value: RunFactValue | null };

/** Returns the facts that apply: those that have a value. */
const known = (facts: readonly MaybeFact[]): readonly RunFact[] =>
  facts.flatMap(({ value, ...names }) => (value === null ? [] : [{ ...names, value }]));

const text = (content: string | null): RunFactValue | null =>
  content === null ? null : { kind: "text", text: content };

const time = (kind: "time" | "since" | "occurrence", at: number | null): RunFactValue | null =>
  at === null ? null : { kind, at };

const runs = (ids: readonly string[]): RunFactValue | null => (ids.length === 0 ? null : { kind: "runs", ids });

const commit = (id: string | null): RunFactValue | null => (id === null ? null : { kind: "commit", id });

const task = (parent: RunFields["parent"]): RunFactValue | null =>
  parent === null ? null : { kind: "task", runId: parent.run_id, taskId: parent.task_id, item: parent.item };

const values = (all: RunFields["params"]): RunFactValue | null => text(paramsText(all) || null);

/** Returns the values of params, such as `a=1 b=2`; empty if there are none. */
export const paramsText = (all: RunFields["params"]): string =>
  Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** Returns the trigger of a run in a list, such as `manual by ada`. */
export const startedByText = ({ trigger, triggered_by }: Pick<RunFields, "trigger" | "triggered_by">): string =>
  triggered_by === null ? trigger : `${trigger} by ${triggered_by}`;

/** Returns why a run exists, such as `by hand (ada)`. */
export const triggerText = ({ trigger, by }: Extract<RunFactValue, { readonly kind: "trigger" }>): string =>
  by === null ? TRIGGER_TEXT[trigger] : `${TRIGGER_TEXT[trigger]} (${by})`;
