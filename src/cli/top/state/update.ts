import { assertNever } from "../../../lib/never.ts";
import { withParams } from "./input/dialogs.ts";
import { focus, openRun, pasteText, pressKey, withEarlierMatches } from "./input/keys.ts";
import { handleMouse } from "./input/mouse.ts";
import { applyRunEvents } from "./job-events.ts";
import { cursorOf, settle } from "./list/cursor.ts";
import { append, openBook, prepend } from "./list/log-book.ts";
import type { Message, Step } from "./message.ts";
import {
  clockAheadOf,
  hasWorkers,
  type LogTarget,
  type ShownRun,
  type TimedNotice,
  type TopState,
  viewOf,
} from "./state.ts";
import { watchedLog } from "./watched.ts";

/** Returns the state after a message, and what has to be done for it. It is the only way in which the state changes. */
export const update = (before: TopState, message: Message): Step => {
  const { state, effects } = apply(before, message);
  if (state === before) return { state, effects };
  const settled = settle(state);
  // The log is that of the selected task.
  const after = withLog(settled);
  return { state: after === settled ? settled : settle(after), effects };
};

const apply = (state: TopState, message: Message): Step => {
  switch (message.kind) {
    case "key":
      return pressKey(state, message.key);
    case "paste":
      return pasteText(state, message.text);
    case "mouse":
      return handleMouse(state, message.event, message.isDouble);
    case "log-opened":
      return withEarlierMatches(received(state, message));
    case "log-earlier": {
      const after = received(state, message);
      // No lines: they could not be loaded.
      return message.lines.length === 0 ? { state: after, effects: [] } : withEarlierMatches(after);
    }
    default:
      return { state: received(state, message), effects: [] };
  }
};

type Received = Exclude<Message, { readonly kind: "key" | "paste" | "mouse" }>;

const received = (state: TopState, message: Received): TopState => {
  switch (message.kind) {
    case "resized":
      return { ...state, columns: message.columns, rows: message.rows };
    case "tick":
      return ticked(state, message.at);
    case "connected":
      return state.connection.state === "connected" ? state : { ...state, connection: { state: "connected" } };
    case "disconnected": {
      const since = state.connection.state === "lost" ? state.connection.since : message.at;
      return { ...state, connection: { state: "lost", since, message: message.message } };
    }
    case "events":
      return { ...state, jobs: applyRunEvents(state.jobs, message.events) };
    case "system": {
      const { system, at } = message;
      const clockAheadMs = clockAheadOf(system, at);
      return { ...state, system, clockAheadMs, now: at + clockAheadMs };
    }
    case "jobs":
      return { ...state, jobs: message.jobs };
    case "runs":
      return { ...state, runs: message.runs };
    case "attention":
      return { ...state, attention: message.items };
    case "workers":
      return withWorkers(state, message.workers);
    case "job":
      return isShown(state, "job", message.data.jobId) ? { ...state, job: message.data } : state;
    case "run":
      return isShown(state, "run", message.data.runId) ? withRun(state, message.data) : state;
    case "log-opened":
    case "log-lines":
    case "log-earlier":
    case "log-ended":
      return { ...state, log: changedLog(state.log, message) };
    case "params":
      return withParams(state, message.detail);
    case "gone":
      return state.views.length < 2
        ? state
        : { ...state, views: state.views.slice(0, -1), notice: noticeOf(state, message.text, true) };
    case "done":
      return done(state, message);
    case "failed":
      return failed(state, message.text);
    default:
      return assertNever(message);
  }
};

/** The panel of the workers goes away with them. */
const withWorkers = (before: TopState, workers: TopState["workers"]): TopState => {
  const state = { ...before, workers };
  return hasWorkers(state) || state.tab !== "workers" ? state : focus(state, "jobs");
};

const ticked = (state: TopState, at: number): TopState => {
  const now = at + state.clockAheadMs;
  return { ...state, now, notice: state.notice !== null && state.notice.until <= now ? null : state.notice };
};

const isShown = (state: TopState, kind: "job" | "run", id: string): boolean => {
  const view = viewOf(state);
  return (
    (kind === "job" && view.kind === "job" && view.jobId === id) ||
    (kind === "run" && "runId" in view && view.runId === id)
  );
};

/** When a run is opened, the task because of which it failed is selected, or else its first running one. */
const withRun = (state: TopState, data: ShownRun): TopState => {
  const isFirst = state.run?.runId !== data.runId;
  const after = { ...state, run: data };
  if (!isFirst || cursorOf(state, "tasks").key !== null) return after;
  const running = data.tasks.find(({ status }) => status === "running");
  const key = data.detail.failure?.task_id ?? running?.task_id ?? null;
  return { ...after, cursors: { ...state.cursors, tasks: { key, index: 0, top: 0 } } };
};

type LogMessage = Extract<Message, { readonly target: LogTarget }>;

const changedLog = (log: TopState["log"], message: LogMessage): TopState["log"] => {
  if (log === null || !isSameLog(log.target, message.target)) return log;
  switch (message.kind) {
    case "log-opened":
      return { ...log, book: openBook(message.page.lines, message.page) };
    case "log-lines":
      return log.book === null ? log : { ...log, book: append(log.book, message.lines, message.skipped) };
    case "log-earlier":
      return { ...log, isLoading: false, book: log.book === null ? null : prepend(log.book, message.lines) };
    case "log-ended":
      return log.book === null ? log : { ...log, book: { ...log.book, ended: true } };
    default:
      return assertNever(message);
  }
};

/** Puts an empty log in place when the log that the view shows has changed. */
const withLog = (state: TopState): TopState => {
  const target = watchedLog(state);
  if (target === null) return state.log === null ? state : { ...state, log: null };
  if (state.log !== null && isSameLog(state.log.target, target)) return state;
  const { log: _, ...cursors } = state.cursors;
  return { ...state, cursors, log: { target, book: null, follows: true, isLoading: false } };
};

const isSameLog = (left: LogTarget, right: LogTarget): boolean =>
  left.runId === right.runId &&
  left.taskId === right.taskId &&
  left.item === right.item &&
  left.stderrOnly === right.stderrOnly;

/** Shows why petit refused the content of a form in the form, so that it can be corrected. */
const failed = (state: TopState, text: string): TopState =>
  state.overlay?.kind === "form"
    ? { ...state, overlay: { ...state.overlay, error: text, isBusy: false } }
    : { ...state, notice: noticeOf(state, text, true) };

/** A run that was started is shown. */
const done = (state: TopState, { text, run }: Extract<Message, { readonly kind: "done" }>): TopState => {
  const after = { ...state, overlay: withoutForm(state), notice: noticeOf(state, text, false) };
  return run === null ? after : openRun(after, { ...run, taskId: null });
};

const withoutForm = ({ overlay }: TopState): TopState["overlay"] => (overlay?.kind === "form" ? null : overlay);

const NOTICE_MS = 6_000;

const noticeOf = ({ now }: TopState, text: string, isError: boolean): TimedNotice => ({
  text,
  isError,
  until: now + (isError ? 2 : 1) * NOTICE_MS,
});
