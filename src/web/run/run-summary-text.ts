import { isFinal } from "../../domain/run.ts";
import { ENDING_TEXT } from "../../domain/words/run.ts";
import { shownStatusOf, waitedForText } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { rerunTasks } from "../actions/retry-plan.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { capital, counted, durationText, listText } from "../ui/text/format.ts";

/** What happened in a run, and what the user can do next. */
export type RunSummaryText = { readonly what: string; readonly next: string | null };

export const summaryTextOf = (run: RunDetail, tasks: readonly TaskRunData[]): RunSummaryText => {
  if (run.status === "pending")
    return { what: run.waits_for === null ? "About to start." : waitingText(run.waits_for), next: null };
  if (!isFinal(run.status)) return whileRunning(run, tasks);
  return { what: whatEnded(run, tasks), next: nextStep(run, tasks) };
};

const whileRunning = ({ ending, waits_for }: RunDetail, tasks: readonly TaskRunData[]): RunSummaryText => {
  const asking = tasks.filter(isAsking).map(({ name }) => name);
  const running = tasks
    .filter((task) => task.status === "running" && !isAsking(task) && !isWaiting(task))
    .map(({ name }) => name);
  const inactive = tasks.filter((task) => isWaiting(task) && !isAsking(task) && task.waits_for === null);
  if (ending !== null) {
    return {
      what: sentence(`${ENDING_TEXT[ending]}${running.length === 0 ? "" : `; waiting for ${listText(running)}`}`),
      next: "Clean-up tasks still run. A second cancel ends them too.",
    };
  }
  const waiting = tasks.flatMap(({ name, waits_for: waits }) => (waits === null ? [] : [{ name, waits }]));
  if (waits_for !== null && waiting.length === 0) return { what: waitingText(waits_for), next: null };
  const done = tasks.filter(({ status }) => isDone(status)).length;
  const parts = [
    ...(running.length === 0 ? [] : [`running ${listText(running)}`]),
    ...(asking.length === 0 ? [] : [`waiting for the approval of ${listText(asking)}`]),
    ...inactive.slice(0, 1).map((task) => `waiting for ${waitedForText(task)} (${task.name})`),
    ...(inactive.length < 2 ? [] : [`${counted(inactive.length - 1, "more task")} waiting`]),
    ...waiting.slice(0, 1).map(({ name, waits }) => `waiting for ${waitsForText(waits)} (${name})`),
    ...(waiting.length < 2 ? [] : [`${counted(waiting.length - 1, "more task")} waiting for workers`]),
  ];
  const what = parts.length === 0 ? "No task is running" : capital(parts.join("; "));
  return { what: `${what}; ${done} of ${counted(tasks.length, "task")} done.`, next: null };
};

const waitingText = (waitsFor: NonNullable<RunDetail["waits_for"]>): string => `Waiting for ${waitsForText(waitsFor)}.`;

const whatEnded = (run: RunDetail, tasks: readonly TaskRunData[]): string => {
  const completed = countOf(tasks, "completed");
  switch (run.status) {
    case "completed":
      return whatCompleted(tasks);
    case "cancelled":
      return `The run was cancelled; ${completed} of ${counted(tasks.length, "task")} had completed.`;
    case "interrupted":
      if (run.reason === "shutdown") return "petit ended the run when it stopped.";
      return tasks.some(({ reason }) => reason === "worker_lost")
        ? "A worker was out of reach for too long, and a task was lost."
        : "petit or the machine stopped unexpectedly, and a task was lost.";
    default:
      return sentence(run.error ?? "The run failed");
  }
};

const countOf = (tasks: readonly TaskRunData[], status: TaskRunData["status"]): number =>
  tasks.filter((task) => task.status === status).length;

const whatCompleted = (tasks: readonly TaskRunData[]): string => {
  const [completed, failed] = [countOf(tasks, "completed"), countOf(tasks, "failed")];
  if (completed === tasks.length) return `${completed === 1 ? "The task" : `All ${completed} tasks`} completed.`;
  const others = [
    ...(failed === 0 ? [] : [`${failed} failed, which the job allows`]),
    ...(completed + failed === tasks.length
      ? []
      : [failed === 0 ? "the others were not needed" : "the rest was not needed"]),
  ];
  return `${completed} of ${counted(tasks.length, "task")} completed; ${others.join("; ")}.`;
};

const nextStep = (run: RunDetail, tasks: readonly TaskRunData[]): string | null => {
  if (run.status === "completed" || isRecovered(run)) return null;
  const failed = tasks.find(({ status }) => status === "failed");
  const advice = run.status === "failed" ? adviceFor(run, failed, tasks.length) : null;
  const retry = run.can_retry ? `A retry ${retryText(tasks)}.` : null;
  return [advice, retry].filter((part) => part !== null).join(" ") || null;
};

/** Returns whether a job has recovered from a run with the same params, so that nobody has to run it again. */
const isRecovered = ({ recovered_by: by }: RunDetail): boolean => by != null && by.other_params !== true;

/** Returns what a retry keeps: whole tasks, and the items of repeated tasks. */
const retryText = (tasks: readonly TaskRunData[]): string => {
  const again = rerunTasks(tasks, { kind: "rest" });
  const keptTasks = tasks.length - again.length;
  const keptItems = again.reduce((sum, { items }) => sum + (items?.completed ?? 0), 0);
  if (keptTasks + keptItems === 0) return "runs all tasks again";
  const kept = [
    ...(keptTasks === 0 ? [] : [keptTasks === 1 ? "task" : counted(keptTasks, "task")]),
    ...(keptItems === 0 ? [] : [keptItems === 1 ? "item" : counted(keptItems, "item")]),
  ];
  return `keeps the ${kept.join(" and the ")} that completed`;
};

const adviceFor = (run: RunDetail, failed: TaskRunData | undefined, taskCount: number): string | null => {
  if (run.reason === "timeout" && (failed === undefined || !run.error?.startsWith("task")))
    return `The run took longer than the job's timeout.${taskCount > 1 ? " The chart below shows how long each task took." : ""}`;
  const name = failed?.name ?? "the task";
  switch (failed?.reason) {
    case "signal":
      return `A signal from outside petit ended ${name}. SIGKILL often means that the system was out of memory.`;
    case "timeout":
      return `${name} took longer than its timeout: it hung, or needs a longer one.`;
    case "spawn_failed":
      return `${name} could not be started: check its command and working_dir.`;
    default:
      return null;
  }
};

/** Returns true for a task that has started and only waits. */
const isWaiting = (task: TaskRunData): boolean => shownStatusOf(task) === "waiting";

/** Returns true for a task that waits for approval. */
const isAsking = ({ status, approval }: TaskRunData): boolean => status === "running" && approval !== null;

const isDone = (status: TaskRunData["status"]): boolean => status !== "pending" && status !== "running";

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** Returns how late a run started, or null if it is not started or a retry. */
export const latenessText = ({ scheduled_for, started_at, trigger }: RunDetail): string | null =>
  scheduled_for === null || started_at === null || trigger === "retry" || trigger === "backfill"
    ? null
    : `${durationText(started_at - scheduled_for)} late`;
