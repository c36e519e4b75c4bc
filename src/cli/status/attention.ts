import type { Urgency } from "../../domain/inbox/order.ts";
import { type AttentionSubject, attentionWords } from "../../domain/words/attention.ts";
import { consequencesText } from "../../domain/words/inbox/consequence.ts";
import { type MarkFacts, markText } from "../../domain/words/inbox/mark.ts";
import { assertNever } from "../../lib/never.ts";
import type { Style } from "../terminal/terminal.ts";
import type { AttentionBody, Overview } from "./overview-data.ts";

/** A row of what needs attention. */
export type AttentionRow = {
  readonly style: Style;
  readonly sign: string;
  /** The job, the file or the worker. */
  readonly subject: string;
  readonly runId: string | null;
  /** In ms since the Unix epoch; null if unknown. */
  readonly since: number | null;
  /** In a few words. */
  readonly state: string;
  /** Why, in a line of its own. */
  readonly why: string;
  /** Whether the run has failed, so that its status explains why. */
  readonly hasFailed: boolean;
  /** Undefined if an older petit does not say it. */
  readonly urgency?: Urgency | undefined;
  readonly acknowledged?: MarkFacts["acknowledged"];
  readonly snoozed?: MarkFacts["snoozed"];
  /** What waits for it, and what people said about it; empty if nothing. */
  readonly said: string;
};

/** Returns what needs attention: first why petit itself does not work, then what petit lists. */
export const attentionRows = (
  { attention, health }: Overview,
  timeText: (at: number) => string,
): readonly AttentionRow[] => [
  ...health.reasons.filter(({ code }) => !ALSO_LISTED.includes(code)).map(({ message }) => healthRow(message)),
  ...attention.items.map((item) => itemRow(item, timeText)),
];

/** Codes of health that are kinds of attention too. */
const ALSO_LISTED: readonly string[] = [
  "job_file_broken",
  "notifications_undelivered",
  "jobs_commit_refused",
  "jobs_repository_failed",
];

const ERROR = { style: "red", sign: "✗" } as const;
const WARNING = { style: "yellow", sign: "!" } as const;

const healthRow = (message: string): AttentionRow => ({
  ...ERROR,
  subject: "petit",
  runId: null,
  since: null,
  state: "not healthy",
  why: message,
  hasFailed: false,
  said: "",
});

const itemRow = (item: AttentionBody, timeText: (at: number) => string): AttentionRow => {
  const { subject, state, why } = attentionWords(item);
  return {
    ...(item.severity === "error" ? ERROR : WARNING),
    subject: subject.kind === "file" ? `${subject.file}:${subject.line}` : subjectText(subject),
    runId: item.run_id,
    since: item.since,
    state,
    why,
    hasFailed: "failure" in item,
    urgency: item.urgency,
    acknowledged: item.acknowledged,
    snoozed: item.snoozed,
    said: [consequencesText(item), markText(item, timeText)].filter((text) => text !== "").join("; "),
  };
};

/** Returns the name of what an item is about. */
export const subjectText = (subject: AttentionSubject): string => {
  switch (subject.kind) {
    case "job":
      return subject.jobId;
    case "worker":
      return `worker ${subject.worker}`;
    case "file":
      return subject.file;
    case "petit":
      return "petit";
    default:
      return assertNever(subject);
  }
};
