import { assertNever } from "../../../../lib/never.ts";
import { cursorOf, moved, pageOf, pageScrolled, scrolled, selected } from "../list/cursor.ts";
import { attentionRows, filterOf, keysOf, logRows, subjectOf } from "../list/lists.ts";
import { canLoadEarlier, EARLIER_LINES } from "../list/log-book.ts";
import { type KeyPress, type Step, unchanged } from "../message.ts";
import { activeList, JOB_SORTS, type ListId, type Panel, panelsOf, type TopState, type View } from "../state.ts";
import { commandFor, type KeyCommand } from "./bindings.ts";
import {
  askCancel,
  askDecision,
  askHandling,
  askPause,
  askPauseJob,
  askReload,
  askRetry,
  askTrigger,
  MAX_TEXT,
  pressInOverlay,
  refused,
  showAttention,
  typeText,
} from "./dialogs.ts";

/** Returns the state after a key. */
export const pressKey = (state: TopState, key: KeyPress): Step => {
  if (key === "ctrl-c") return { state, effects: [{ kind: "quit" }] };
  if (state.overlay !== null) return pressInOverlay(state, state.overlay, key);
  if (state.typing !== null) return withEarlierMatches(typeFilter(state, state.typing, key));
  const command = commandFor(state, key);
  return command === null ? unchanged(state) : run(state, command);
};

/** Types a pasted text into what takes text. Its control characters, such as line breaks, are left out. */
export const pasteText = (state: TopState, text: string): Step => {
  if (state.typing === null && (state.overlay === null || state.overlay.kind === "confirm")) return unchanged(state);
  const characters = [...text].filter((character) => !/\p{Cc}/u.test(character)).slice(0, MAX_TEXT);
  return characters.reduce<Step>((step, character) => pressKey(step.state, character), unchanged(state));
};

/** The filter applies while it is typed. */
const typeFilter = (state: TopState, list: ListId, key: KeyPress): TopState => {
  if (key === "enter" || key === "tab") return { ...state, typing: null };
  if (key === "escape") return withFilter({ ...state, typing: null }, list, "");
  if (key === "up" || key === "down") return moved(state, key === "up" ? -1 : 1);
  return withFilter(state, list, typeText(filterOf(state, list), key));
};

const withFilter = (state: TopState, list: ListId, text: string): TopState => ({
  ...state,
  filters: { ...state.filters, [list]: text },
});

const run = (state: TopState, command: KeyCommand): Step => {
  const list = activeList(state);
  switch (command) {
    case "quit":
      return { state, effects: [{ kind: "quit" }] };
    case "suspend":
      return { state, effects: [{ kind: "suspend" }] };
    case "help":
      return changed({ ...state, overlay: { kind: "help", search: "", top: 0 } });
    case "filter":
      return changed({ ...state, typing: list });
    case "back":
      return changed(back(state, list));
    case "open":
      return changed(open(state));
    case "logs":
      return changed(openLog(state));
    case "job":
      return changed(openJob(state, subjectOf(state).jobId));
    case "up":
      return move(state, -1);
    case "down":
      return move(state, 1);
    case "page-up":
      return list === "log" ? afterMove(pageScrolled(state, "start"), -1) : move(state, -pageOf(state, list));
    case "page-down":
      return list === "log" ? changed(pageScrolled(state, "end")) : move(state, pageOf(state, list));
    case "first":
      return list === "log" ? move(state, -logRows(state).length) : changed(selected(state, list, 0));
    case "last":
      return list === "log"
        ? changed(scrolled(state, logRows(state).length))
        : changed(selected(state, list, keysOf(state, list).length - 1));
    case "next-panel":
      return changed(focus(state, panelAfter(state, 1)));
    case "previous-panel":
      return changed(focus(state, panelAfter(state, -1)));
    case "panel-1":
    case "panel-2":
    case "panel-3":
    case "panel-4":
    case "panel-5":
      return changed(focusNumber(state, Number(command.slice(-1))));
    case "sort":
      return changed({ ...state, sort: JOB_SORTS[(JOB_SORTS.indexOf(state.sort) + 1) % JOB_SORTS.length] ?? "name" });
    case "wrap":
      return changed({ ...state, wraps: !state.wraps });
    case "stderr":
      return changed({ ...state, stderrOnly: !state.stderrOnly });
    case "follow":
      return changed(toggleFollow(state));
    case "trigger":
      return askTrigger(state);
    case "cancel":
      return changed(askCancel(state));
    case "retry":
      return changed(askRetry(state));
    case "approve":
    case "reject":
      return changed(askDecision(state, command));
    case "acknowledge":
      return changed(askHandling(state));
    case "handled":
      return changed({ ...state, showsHandled: !state.showsHandled });
    case "items":
      return changed(toggleItems(state));
    case "pause":
      return changed(askPauseJob(state));
    case "pause-all":
      return changed(askPause(state));
    case "reload":
      return changed(askReload(state));
    default:
      return assertNever(command);
  }
};

const changed = (state: TopState): Step => ({ state, effects: [] });

/** A filter of a log searches earlier lines too, as many as fit into memory. */
export const withEarlierMatches = (state: TopState): Step =>
  state.typing === null && filterOf(state, "log") !== "" ? loadEarlier(state) : changed(state);

/** At the oldest line in memory, moving up loads earlier lines. */
const move = (state: TopState, by: number): Step => afterMove(moved(state, by), by);

const afterMove = (after: TopState, by: number): Step => {
  const isAtStart = by < 0 && activeList(after) === "log" && cursorOf(after, "log").top === 0;
  return isAtStart ? loadEarlier(after) : changed(after);
};

const loadEarlier = (state: TopState): Step => {
  const { log } = state;
  const first = log?.book?.lines[0];
  if (log === null || log.book === null || first === undefined) return changed(state);
  if (log.isLoading || !canLoadEarlier(log.book, EARLIER_LINES)) return changed(state);
  return {
    state: { ...state, log: { ...log, isLoading: true } },
    effects: [{ kind: "load-earlier", target: log.target, beforeSeq: first.seq }],
  };
};

const panelAfter = (state: TopState, by: number): Panel => {
  const panels = panelsOf(state);
  return panels[(panels.indexOf(state.panel) + by + panels.length) % panels.length] ?? "jobs";
};

/** Only the panel of the workers can be missing. */
const focusNumber = (state: TopState, number: number): TopState => {
  const panel = panelsOf(state)[number - 1];
  return panel === undefined
    ? refused(state, "this petit runs without workers; 'petit workers' says how to add one")
    : focus(state, panel);
};

/** Gives a panel of the overview the keys. */
export const focus = (state: TopState, panel: Panel): TopState => ({
  ...state,
  panel,
  tab: panel === "attention" ? state.tab : panel,
});

/** Esc first removes the filter of the list. */
const back = (state: TopState, list: ListId): TopState => {
  if (filterOf(state, list) !== "") return withFilter(state, list, "");
  return state.views.length < 2 ? state : { ...state, views: state.views.slice(0, -1) };
};

/** Opens the selected item: a failed run with its failed task, or a job. */
export const open = (state: TopState): TopState => {
  const { jobId, runId, taskId } = subjectOf(state);
  const list = activeList(state);
  if (list === "attention") {
    const item = attentionRows(state)[cursorOf(state, list).index];
    if (item !== undefined && (jobId === null || runId === null)) return showAttention(state, item);
  }
  if (list === "tasks") return openLog(state);
  if (jobId === null) return state;
  if (runId === null || list === "jobs" || list === "coming") return openJob(state, jobId);
  return openRun(state, { jobId, runId, taskId });
};

/** Shows a run, with a task selected. */
export const openRun = (
  state: TopState,
  { jobId, runId, taskId }: { readonly jobId: string; readonly runId: string; readonly taskId: string | null },
): TopState => {
  const cursors = { ...state.cursors, tasks: { key: taskId, index: 0, top: 0 } };
  return push({ ...state, run: null, itemsOf: null, cursors }, { kind: "run", jobId, runId }, "tasks");
};

const openJob = (state: TopState, jobId: string | null): TopState => {
  if (jobId === null) return state;
  const { "job-runs": _, ...cursors } = state.cursors;
  return push({ ...state, cursors }, { kind: "job", jobId }, "job-runs");
};

const openLog = (state: TopState): TopState => {
  const { jobId, runId, taskId, item } = subjectOf(state);
  if (jobId === null || runId === null) return state;
  return push(state, { kind: "log", jobId, runId, taskId, item }, "log");
};

/** Lists the items of the selected task below it, or hides them. */
const toggleItems = (state: TopState): TopState => {
  const { taskId } = subjectOf(state);
  const task = state.run?.tasks.find(({ task_id }) => task_id === taskId);
  if (task === undefined || task.items === null) return state;
  const itemsOf = state.itemsOf === taskId ? null : taskId;
  const cursors = { ...state.cursors, tasks: { ...cursorOf(state, "tasks"), key: taskId } };
  const run = state.run === null ? null : { ...state.run, items: null };
  return { ...state, itemsOf, run, cursors };
};

/** Views that can be gone back to. */
const MAX_VIEWS = 20;

const push = (state: TopState, view: View, list: ListId): TopState => ({
  ...state,
  views: [...state.views.slice(0, 1), ...state.views.slice(1).slice(1 - MAX_VIEWS), view],
  filters: { ...state.filters, [list]: "" },
});

const toggleFollow = (state: TopState): TopState => {
  const { log } = state;
  if (log === null) return state;
  if (!log.follows) return scrolled(state, logRows(state).length);
  const { top } = cursorOf(state, "log");
  const cursor = { key: String(logRows(state)[top]?.seq), index: top, top };
  return { ...state, log: { ...log, follows: false }, cursors: { ...state.cursors, log: cursor } };
};
