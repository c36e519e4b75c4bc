import type { AttentionSeverity } from "../attention.ts";

/**
 * How urgent an entry is, the most urgent first:
 * - `decision`: a run waits for a person.
 * - `critical`: it is about a job with the tag `critical`.
 * - `problem`: anything else.
 * - `low`: a person decided that it should be so, and may have forgotten it: a job is paused or disabled.
 */
export const URGENCIES = ["decision", "critical", "problem", "low"] as const;
export type Urgency = (typeof URGENCIES)[number];

/** The tag of jobs whose problems come first. */
export const CRITICAL_TAG = "critical";

/** What the order of an entry depends on. */
export type Rank = {
  /** Whether it is acknowledged or snoozed. */
  readonly isHandled: boolean;
  readonly urgency: Urgency;
  readonly severity: AttentionSeverity;
  /** Priority of the job; 0 if it is about no job. */
  readonly priority: number;
  /** Number of failed runs or of occurrences without a run in a row; 1 if that is no question. */
  readonly streak: number;
  /** In ms since the Unix epoch. */
  readonly since: number;
};

/**
 * Compares two entries by urgency. Those that are acknowledged or snoozed are last. Decisions: the oldest first. Others: errors first, then the highest priority, the longest streak, the
 * newest.
 */
export const byUrgency = (a: Rank, b: Rank): number => {
  if (a.isHandled !== b.isHandled) return Number(a.isHandled) - Number(b.isHandled);
  const [one, other] = [URGENCIES.indexOf(a.urgency), URGENCIES.indexOf(b.urgency)];
  if (one !== other) return one - other;
  if (a.urgency === "decision") return a.since - b.since;
  return (
    Number(b.severity === "error") - Number(a.severity === "error") ||
    b.priority - a.priority ||
    b.streak - a.streak ||
    b.since - a.since
  );
};

/** A list of entries as a page or a terminal shows it: in order, some of them only on request. */
export type Folded<Entry> = {
  readonly shown: readonly Entry[];
  /** What else there is. */
  readonly more: readonly Entry[];
  /** What is acknowledged or snoozed. */
  readonly handled: readonly Entry[];
};

/** An entry as petit returns it. An older petit does not say how urgent it is, nor what people said about it. */
type Foldable = {
  readonly urgency?: Urgency | undefined;
  readonly acknowledged?: object | null | undefined;
  readonly snoozed?: object | null | undefined;
};

/** Returns whether somebody has acknowledged or snoozed an entry. */
export const isHandledEntry = ({ acknowledged, snoozed }: Foldable): boolean => acknowledged != null || snoozed != null;

/** Folds a list in order so that about `limit` entries are shown, among them each that needs a decision or is critical. */
export const foldEntries = <Entry extends Foldable>(all: readonly Entry[], limit: number): Folded<Entry> => {
  const entries = all.filter((entry) => !isHandledEntry(entry));
  const urgent = entries.filter(({ urgency }) => urgency === "decision" || urgency === "critical").length;
  const count = Math.max(limit, urgent);
  return { shown: entries.slice(0, count), more: entries.slice(count), handled: all.filter(isHandledEntry) };
};
