import { isFinal } from "../../domain/run.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { counted, durationText } from "../ui/text/format.ts";

/** What happened in a run, and what to do next about it. */
export type RunSummaryText = { readonly what: string; readonly next: string | null };

export const summaryTextOf = (run: RunDetail, tasks: readonly TaskRunData[]): RunSummaryText => {
  if (run.status === "pending")
    return { what: "It waits for a place: a limit of concurrent runs is reached.", next: null };
  if (!isFinal(run.status)) return whileRunning(run, tasks);
  return { what: whatEnded(run, tasks), next: nextStep(run, tasks) };
};

const whileRunning = ({ ending }: RunDetail, tasks: readonly TaskRunData[]): RunSummaryText => {
  const running = tasks.filter(({ status }) => status === "running").map(({ name }) => name);
  if (ending !== null) {
    return {
      what: `${ENDING_TEXT[ending]}${running.length === 0 ? "" : `, and waits for ${listText(running)}`}.`,
      next: "Clean-up tasks still run. A second cancel ends those too.",
    };
  }
  const done = tasks.filter(({ status }) => isDone(status)).length;
  const what = running.length === 0 ? "It is between two tasks" : `It is at ${listText(running)}`;
  return { what: `${what}; ${done} of ${counted(tasks.length, "task")} done.`, next: null };
};

const ENDING_TEXT = {
  cancelled: "It is being cancelled",
  timeout: "Its time is up",
  shutdown: "petit is stopping",
} as const;

const whatEnded = (run: RunDetail, tasks: readonly TaskRunData[]): string => {
  const [completed, skipped] = (["completed", "skipped"] as const).map(
    (status) => tasks.filter((task) => task.status === status).length,
  );
  switch (run.status) {
    case "completed":
      return skipped === 0
        ? `${tasks.length === 1 ? "Its task" : `All ${tasks.length} tasks`} completed.`
        : `${completed} of ${counted(tasks.length, "task")} completed; the others were not needed.`;
    case "cancelled":
      return `Somebody cancelled it; ${completed} of ${counted(tasks.length, "task")} had completed.`;
    case "interrupted":
      return run.reason === "shutdown"
        ? "petit was stopped, and ended it."
        : "petit or the machine went away under it, and a task was lost.";
    default:
      return sentence(run.error ?? "It failed");
  }
};

const nextStep = (run: RunDetail, tasks: readonly TaskRunData[]): string | null => {
  if (run.status === "completed") return null;
  const failed = tasks.find(({ status }) => status === "failed");
  const advice = run.status === "failed" ? adviceFor(run, failed) : null;
  const kept = tasks.filter(({ status }) => status === "completed").length;
  const retry = run.can_retry
    ? `Retry from failed ${kept === 0 ? "runs all of it again" : `keeps the ${counted(kept, "task")} that completed`}.`
    : null;
  return [advice, retry].filter((part) => part !== null).join(" ") || null;
};

const adviceFor = (run: RunDetail, failed: TaskRunData | undefined): string | null => {
  if (run.reason === "timeout" && (failed === undefined || !run.error?.startsWith("task")))
    return "All of it took longer than the job's timeout: see below which task did.";
  const name = failed?.name ?? "the task";
  switch (failed?.reason) {
    case "exit_code":
      return `What ${name} wrote last is in the log.`;
    case "signal":
      return `Something outside of petit ended ${name}; with SIGKILL, often a system that was out of memory.`;
    case "timeout":
      return `${name} took longer than its timeout: it hung, or needs more.`;
    case "spawn_failed":
      return `${name} could not be started: look at its command and working_dir.`;
    default:
      return null;
  }
};

const isDone = (status: TaskRunData["status"]): boolean => status !== "pending" && status !== "running";

const listText = (names: readonly string[]): string =>
  names.length <= 3
    ? names.join(names.length === 2 ? " and " : ", ")
    : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** Why a run was created. */
export const TRIGGER_TEXT = {
  schedule: "by its schedule",
  catchup: "caught up on, after petit was away or asleep",
  manual: "by hand",
  retry: "as a retry",
} as const satisfies Record<RunDetail["trigger"], string>;

/** How much later than it was due a run started; a retry is not late. */
export const latenessText = ({ scheduled_for, started_at, trigger }: RunDetail): string | null =>
  scheduled_for === null || started_at === null || trigger === "retry"
    ? null
    : `${durationText(started_at - scheduled_for)} late`;
