import { BLOCKED_TEXT } from "../../domain/words/attention.ts";
import { pluralize } from "../../domain/words/pluralize.ts";
import { taskLabel } from "../../domain/words/task.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { WORKER_REFUSAL_TEXT } from "../../domain/words/worker.ts";
import { elapsedText } from "../run-display/status-text.ts";
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
  /** Why, in a line of its own. Empty if there is nothing to add. */
  readonly detail: string;
  /** Whether the run has failed, so that its status explains why. */
  readonly hasFailed: boolean;
};

/** Returns what needs attention: first why petit itself does not work, then what petit lists. */
export const attentionRows = ({ attention, health }: Overview): readonly AttentionRow[] => [
  ...health.reasons.filter(({ code }) => !ALSO_LISTED.includes(code)).map(({ message }) => healthRow(message)),
  ...attention.items.map(itemRow),
];

/** Codes of health that are kinds of attention too. */
const ALSO_LISTED: readonly string[] = ["job_file_broken", "notifications_undelivered"];

const ERROR = { style: "red", sign: "✗" } as const;
const WARNING = { style: "yellow", sign: "!" } as const;

const healthRow = (message: string): AttentionRow => ({
  ...ERROR,
  subject: "petit",
  runId: null,
  since: null,
  state: "not healthy",
  detail: message,
  hasFailed: false,
});

const itemRow = (item: AttentionBody): AttentionRow => ({
  ...(item.severity === "error" ? ERROR : WARNING),
  subject: subjectOf(item),
  runId: item.run_id,
  since: item.since,
  ...stateOf(item),
  hasFailed: "failure" in item,
});

const subjectOf = (item: AttentionBody): string => {
  if (item.kind === "job_file_broken") return `${item.file}:${item.line}`;
  return "worker" in item ? `worker ${item.worker}` : (item.job_id ?? "petit");
};

const stateOf = (item: AttentionBody): Pick<AttentionRow, "state" | "detail"> => {
  switch (item.kind) {
    case "job_failing":
      return { state: failingState(item), detail: failureText(item.failure) };
    case "job_flapping":
      return { state: flappingState(item), detail: failureText(item.failure) };
    case "run_stuck": {
      const task = item.task_id === null ? "" : `; now in task ${item.task_id}`;
      return {
        state: "stuck",
        detail: `runs for ${elapsedText(item.elapsed_ms)}, usually ${elapsedText(item.usual_ms)}${task}`,
      };
    }
    case "run_late": {
      const waited = elapsedText(item.waited_ms);
      if (item.cause === "warn_after") {
        const more = item.count === 1 ? "" : `, and ${pluralize(item.count - 1, "more late run")}`;
        return { state: "late", detail: `was due ${waited} ago and has not ended${more}` };
      }
      const others = item.count === 1 ? "" : `, and ${pluralize(item.count - 1, "more run")}`;
      const place = item.waits_for === null ? "to start" : `for ${waitsForText(item.waits_for)}`;
      return { state: "late", detail: `has waited ${waited} ${place}${others}` };
    }
    case "approval_needed":
      return {
        state: "approval",
        detail: `${taskLabel(item.task_name, item.task_id)}: ${item.prompt ?? "waits for approval"}`,
      };
    case "worker_unreachable":
      return { state: item.lost ? "lost" : "unreachable", detail: runsThereText(item.running) };
    case "no_worker": {
      const others = item.count === 1 ? "" : `, and ${pluralize(item.count - 1, "more task")}`;
      return {
        state: "no worker",
        detail: `${item.task_id} waits for ${waitsForText({ ...item, code: "worker", connected: 0 })}${others}`,
      };
    }
    case "worker_refused":
      return { state: "gets no work", detail: refusalText(item) };
    case "transfer_blocked":
      return { state: "blocked", detail: `${BLOCKED_TEXT[item.by]}: ${item.error}` };
    case "nats_unreachable":
      return {
        state: "NATS unreachable",
        detail: `nothing new starts on workers; ${item.url}${item.error === null ? "" : `: ${item.error}`}`,
      };
    case "notifications_undelivered":
      return { state: `${item.count} undelivered`, detail: `${item.target}: ${item.error}` };
    case "internal_error":
      return { state: internalErrorState(item), detail: item.error };
    case "retention_undecided":
      return { state: "old runs kept", detail: item.message };
    case "open_to_users":
      return { state: "open to users", detail: item.message };
    case "lost_processes":
      return { state: `${item.count} lost`, detail: item.message };
    case "job_file_broken": {
      const more = item.problems === 1 ? "" : ` (and ${item.problems - 1} more)`;
      return { state: "broken file", detail: `${item.path === "" ? "" : `${item.path}: `}${item.problem}${more}` };
    }
    default:
      return { state: "", detail: messageOf(item) };
  }
};

type InternalErrorItem = Extract<AttentionBody, { readonly kind: "internal_error" }>;

const internalErrorState = ({ job_id, run_id }: InternalErrorItem): string => {
  if (job_id === null) return "internal error";
  return run_id === null ? "can't start" : "can't go on";
};

type ThereAttempt = Extract<AttentionBody, { readonly kind: "worker_unreachable" }>["running"][number];

/** Returns what an unreachable worker runs. */
const runsThereText = (running: readonly ThereAttempt[]): string => {
  const [first, ...others] = running;
  if (first === undefined) return "nothing runs there";
  const more = others.length === 0 ? "" : `, and ${pluralize(others.length, "more task")}`;
  return `${first.task_id} of ${first.job_id} runs there${more}`;
};

const refusalText = ({ reason, detail }: Extract<AttentionBody, { readonly kind: "worker_refused" }>): string =>
  `${WORKER_REFUSAL_TEXT[reason]}${detail === null ? "" : `: ${detail}`}`;

/** A newer petit can list other kinds. Each has a sentence. */
const messageOf = (item: { readonly message: string }): string => item.message;

type Failing = Extract<AttentionBody, { readonly kind: "job_failing" }>;

const failingState = (item: Failing): string => {
  if (item.flapping) return flappingState(item);
  return item.count === 1 ? "failed" : `${item.count} in a row`;
};

const flappingState = (item: Pick<Failing, "recent_failures" | "recent_runs">): string =>
  `flapping, ${item.recent_failures} of ${item.recent_runs}`;

/** Returns a text such as `extract: exit code 1 │ KeyError: 'id'`. */
const failureText = ({ task_id, error, reason, last_line }: Failing["failure"]): string => {
  const why = `${task_id === null ? "" : `${task_id}: `}${error ?? reason ?? "unknown reason"}`;
  return last_line === null ? why : `${why} │ ${last_line.text}`;
};
