import { isHandledEntry } from "../../../domain/inbox/order.ts";
import { isFinal } from "../../../domain/run.ts";
import { shortUsedCommitText, usedCommitText } from "../../../domain/words/versions/repository.ts";
import { shownStatusOf } from "../../../domain/words/waiting-for.ts";
import { pluralize } from "../../../lib/text.ts";
import { elapsedText } from "../../run-display/status-text.ts";
import { oneLine, textWidth } from "../../terminal/text-width.ts";
import { type Binding, bindingsFor } from "../state/input/bindings.ts";
import { askingTask } from "../state/input/dialogs.ts";
import { cursorOf } from "../state/list/cursor.ts";
import { selectedLines } from "../state/list/explanation.ts";
import { isTooSmall, layoutOf, MIN_COLUMNS, MIN_ROWS, type Pane } from "../state/list/layout.ts";
import {
  attentionRows,
  comingRows,
  countFolded,
  filterOf,
  jobRows,
  jobRunRows,
  keysOf,
  logRows,
  runRows,
  subjectOf,
  taskRows,
  workerRows,
} from "../state/list/lists.ts";
import type { BookLine } from "../state/list/log-book.ts";
import { type LogWindow, logWindowOf } from "../state/list/log-window.ts";
import { TAB_GAP, tabsOf } from "../state/list/tabs.ts";
import { activeList, type ListId, type TopState, viewOf } from "../state/state.ts";
import { jobInfo, runInfo } from "./info.ts";
import { fitLine, type Line, plain, rule, type Segment, styled, textOf } from "./line.ts";
import { overlayLines } from "./overlay.ts";
import {
  attentionColumns,
  attentionRow,
  clockText,
  comingRow,
  jobActivityWidth,
  jobRow,
  jobRunRow,
  logLineRows,
  type RowOptions,
  runIdWidth,
  runRow,
  taskRow,
  workerColumns,
  workerRow,
} from "./rows.ts";

/** Returns the lines of the screen. Each is exactly as wide as the terminal, and there are as many as it has rows. */
export const screenOf = (state: TopState): readonly Line[] => {
  const { columns, rows } = state;
  if (isTooSmall(state)) return tooSmall(state);
  const lines = [headerLine(state), ...bodyLines(state, rows - 2)].slice(0, rows - 1);
  const empty = Array.from({ length: rows - 1 - lines.length }, (): Line => []);
  return [...lines, ...empty, footerLine(state)].map((line) => fitLine(line, columns));
};

const tooSmall = ({ columns, rows }: TopState): readonly Line[] => {
  const text = `the terminal has ${columns}×${rows}; petit top needs ${MIN_COLUMNS}×${MIN_ROWS}`;
  return Array.from({ length: rows }, (_, row) => fitLine([plain(row === 0 ? text : "")], columns));
};

const headerLine = (state: TopState): Line => {
  const { system, connection, columns, now, clockAheadMs, base, zone } = state;
  if (connection.state === "lost") {
    const since = connection.since + clockAheadMs;
    const shown = clockText(since, { now, zone }).trim();
    const text = ` CONNECTION LOST for ${elapsedText(now - since)}: ${oneLine(connection.message)}; connecting again. State of ${shown}.`;
    return fitLine([{ text, style: "red", inverse: true }], columns).map((each) => ({
      ...each,
      style: "red",
      inverse: true,
    }));
  }
  const running = state.runs.filter((run) => shownStatusOf(run) === "running").length;
  const waiting = state.runs.filter(({ status }) => !isFinal(status)).length - running;
  const left: Line = [
    styled("bold", " petit "),
    styled("dim", `${system.version} on ${oneLine(system.hostname)}  `),
    styled(running > 0 ? "cyan" : "dim", `${running} running`),
    styled("yellow", waiting > 0 ? `, ${waiting} waiting` : ""),
    ...attentionText(state),
    ...schedulerText(state),
    ...commitText(state),
  ];
  const right: Line = [
    styled("dim", columns < 100 ? "" : `${base}  `),
    styled("green", "● "),
    plain(`${clockText(now, { now, zone }).trim()} `),
  ];
  // The connection and the time are always visible.
  const room = columns - textWidth(textOf(right)) - 1;
  return [...fitLine(left, room), plain(" "), ...right];
};

/** The overview shows it in a panel. */
const attentionText = (state: TopState): Line => {
  const count = (state.attention ?? []).filter((item) => !isHandledEntry(item)).length;
  if (viewOf(state).kind === "overview" || count === 0) return [];
  return [styled("red", count === 1 ? "  1 needs attention" : `  ${count} need attention`)];
};

const commitText = ({ system: { job_repository: repository } }: TopState): Line =>
  // An older petit does not say it.
  repository == null ? [] : [styled("dim", `  ${shortUsedCommitText(repository)}`)];

const schedulerText = ({ system }: TopState): Line => {
  const { state } = system.scheduler;
  const health = system.health.status;
  const isShown = health === "degraded" || health === "unavailable";
  const stopped = health === "starting" ? "STARTING" : "STOPPING";
  return [
    { text: state === "running" ? "" : `  ${state === "paused" ? "SCHEDULES PAUSED" : stopped}`, style: "yellow" },
    { text: isShown ? `  ${health}` : "", style: health === "degraded" ? "yellow" : "red" },
  ];
};

const bodyLines = (state: TopState, height: number): readonly Line[] => {
  if (state.overlay !== null) return overlayLines(state, state.overlay, height);
  const { infoRows, panes, detailRows } = layoutOf(state);
  const detail = detailRows === 0 ? [] : selectedLines(state).map((line): Line => [plain(`  ${line}`)]);
  const view = viewOf(state);
  const info = view.kind === "job" ? jobInfo(state, view) : view.kind === "run" ? runInfo(state, view) : [];
  const drawn = panes.map((pane) => ({ pane, lines: paneLines(state, pane) }));
  const rows = Array.from({ length: height - infoRows - detailRows }, (_, index) =>
    rowAcross(drawn, 1 + infoRows + index),
  );
  return [...info, ...rows, ...detail];
};

type DrawnPane = { readonly pane: Pane; readonly lines: readonly Line[] };

/** Returns a row of the screen across the panes. */
const rowAcross = (drawn: readonly DrawnPane[], y: number): Line =>
  drawn
    .filter(({ pane }) => y >= pane.y && y < pane.y + pane.height)
    .sort((a, b) => a.pane.x - b.pane.x)
    .flatMap(({ pane, lines }): Line => {
      const line = fitLine(lines[y - pane.y] ?? [], pane.width);
      return pane.x === 0 ? line : [styled("dim", "│"), ...line];
    });

const paneLines = (state: TopState, pane: Pane): readonly Line[] => {
  const { list, width, height } = pane;
  const rows = height - 1;
  const { top, index } = cursorOf(state, list);
  const lines = visibleRows(state, pane, { top, rows });
  const hasKeys = list === activeList(state) && list !== "log";
  const marked = lines.map((line, row) => markedLine(line, { isSelected: hasKeys && top + row === index, width }));
  const title = titleLine(state, pane, hiddenText({ top, rows, count: keysOf(state, list).length }));
  return [title, ...(lines.length === 0 ? [[styled("dim", `  ${emptyText(state, list)}`)]] : marked)];
};

/** Returns how many rows of a list are above and below the visible ones. */
const hiddenText = ({
  top,
  rows,
  count,
}: {
  readonly top: number;
  readonly rows: number;
  readonly count: number;
}): string => {
  const below = count - top - rows;
  return [...(top > 0 ? [`${top} above`] : []), ...(below > 0 ? [`${below} below`] : [])].join(", ");
};

/** The selected line has a mark, so that it is recognizable without colours. */
const markedLine = (
  line: Line,
  { isSelected, width }: { readonly isSelected: boolean; readonly width: number },
): Line => {
  if (!isSelected) return [plain("  "), ...line];
  return fitLine([styled("bold", "› "), ...line], width).map(({ text }): Segment => ({ text, inverse: true }));
};

const visibleRows = (
  state: TopState,
  { list, width }: Pane,
  { top, rows }: { readonly top: number; readonly rows: number },
) => {
  const options: RowOptions = { width: width - 2, now: state.now, zone: state.zone };
  const visible = <Item>(items: readonly Item[], row: (item: Item) => Line): readonly Line[] =>
    items.slice(top, top + rows).map(row);
  switch (list) {
    case "attention": {
      const items = attentionRows(state).slice(top, top + rows);
      const widths = attentionColumns(items, options);
      return items.map((item) => attentionRow(item, widths, options));
    }
    case "jobs": {
      const jobs = jobRows(state).slice(top, top + rows);
      const activityWidth = jobActivityWidth(jobs, options);
      return jobs.map((job) => jobRow(job, activityWidth, options));
    }
    case "runs": {
      const runs = runRows(state).slice(top, top + rows);
      const idWidth = runIdWidth(runs, options);
      return runs.map((run) => runRow(run, idWidth, options));
    }
    case "workers": {
      const workers = workerRows(state).slice(top, top + rows);
      const widths = workerColumns(workers, options);
      return workers.map((worker) => workerRow(worker, widths, options));
    }
    case "coming":
      return visible(comingRows(state), (job) => comingRow(job, options));
    case "job-runs":
      return visible(jobRunRows(state), (run) => jobRunRow(run, options));
    case "tasks":
      return visible(taskRows(state), (row) => taskRow(row, options));
    case "log":
      return logLines(state, top);
  }
};

/** The rows of lines that were visible lately: a line that scrolls is drawn many times, and measuring its width is slow. */
const drawnRows = new WeakMap<BookLine, DrawnLine>();

type DrawnLine = { readonly window: LogWindow; readonly zone: string; readonly rows: readonly Line[] };

const logLines = (state: TopState, top: number): readonly Line[] => {
  const window = logWindowOf(state);
  if (window === null) return [];
  const rows: Line[] = [];
  for (const line of logRows(state).slice(top, top + window.rows)) {
    rows.push(...fittedRows(line, window, state.zone));
    if (rows.length >= window.rows) break;
  }
  return rows.slice(0, window.rows);
};

const fittedRows = (line: BookLine, window: LogWindow, zone: string): readonly Line[] => {
  const drawn = drawnRows.get(line);
  if (drawn !== undefined && drawn.zone === zone && isSameShape(drawn.window, window)) return drawn.rows;
  const rows = logLineRows(line, window, zone).map((row) => fitLine(row, window.width));
  drawnRows.set(line, { window, zone, rows });
  return rows;
};

const isSameShape = (left: LogWindow, right: LogWindow): boolean =>
  left.width === right.width && left.taskWidth === right.taskWidth && left.wraps === right.wraps;

/** `hidden` says how many rows there is no room for. */
const titleLine = (state: TopState, pane: Pane, hidden: string): Line => {
  const { list, width } = pane;
  const focused = (isFocused: boolean, text: string): Segment => styled(isFocused ? "bold" : "dim", text);
  const filter = filterOf(state, list);
  const filterText = styled("yellow", filter === "" ? "" : `  /${filter}`);
  const hiddenPart = styled("dim", hidden === "" ? "" : `  ${hidden}`);
  switch (list) {
    case "attention":
      return rule([...attentionTitle(state), hiddenPart, filterText], width);
    case "jobs":
    case "runs":
    case "coming":
    case "workers": {
      const tabs = tabsOf(state, pane).flatMap(({ panel, text }, index) => [
        plain(index === 0 ? "" : " ".repeat(TAB_GAP)),
        panel === state.panel ? { ...styled("bold", text), inverse: true } : focused(panel === list, text),
      ]);
      const sort = list === "jobs" && state.sort !== "name" ? styled("dim", `  by ${state.sort}`) : plain("");
      return rule([...tabs, hiddenPart, sort, filterText], width);
    }
    case "job-runs":
      return rule([styled("bold", `Runs ${jobRunRows(state).length}`), hiddenPart, filterText], width);
    case "tasks":
      return rule(
        [styled("bold", `Tasks ${taskRows(state).filter(({ item }) => item === null).length}`), hiddenPart, filterText],
        width,
      );
    case "log":
      return rule([...logTitle(state), filterText], width);
  }
};

const attentionTitle = (state: TopState): Line => {
  const { attention, panel } = state;
  const inverse = panel === "attention";
  if (attention === null)
    return [{ text: "1 Needs attention", style: "dim", inverse }, styled("dim", "  this petit does not report it")];
  const shown = attentionRows(state);
  const count = countFolded(state);
  const folded = styled(
    "dim",
    count === 0 ? "" : `  ${count} acknowledged or snoozed, A lists ${count === 1 ? "it" : "them"}`,
  );
  if (attention.length === count)
    return [{ text: `1 Nothing ${count === 0 ? "" : "else "}needs attention`, style: "green", inverse }, folded];
  const style = shown.some(({ severity }) => severity === "error") ? "red" : "yellow";
  return [{ text: `1 Needs attention ${shown.length}`, style, inverse }, folded];
};

const logTitle = (state: TopState): Line => {
  const { log } = state;
  if (log === null) return [styled("bold", "Log")];
  const { taskId, item } = log.target;
  const name = taskId === null ? "Log" : `Log of ${taskId}${item === null ? "" : ` ${itemKey(state, item)}`}`;
  const stream = log.target.stderrOnly ? " (stderr)" : "";
  const title = styled("bold", `${name}${stream}`);
  if (log.book === null) return [title, styled("dim", "  loading …")];
  const { lines, before, ended } = log.book;
  const shown = logRows(state).length;
  const count =
    filterOf(state, "log") === ""
      ? pluralize(before + lines.length, "line")
      : `${shown} of ${lines.length} lines in memory match`;
  const position = log.follows
    ? ended
      ? "  ended"
      : "  following"
    : `  at ${before + cursorOf(state, "log").top + 1}`;
  return [
    title,
    styled("dim", `  ${count}`),
    styled(log.follows && !ended ? "green" : "dim", position),
    styled("dim", log.isLoading ? "  loading earlier lines …" : ""),
  ];
};

/** Returns the key of an item, or its position if the items are not loaded. */
const itemKey = ({ run }: TopState, item: number): string => {
  const found = run?.items?.items.find(({ index }) => index === item);
  return found === undefined ? `[${item}]` : oneLine(found.key);
};

const placeOf = ({ job_repository: repository, jobs_dir: folder }: TopState["system"]): string =>
  repository == null ? folder : `${repository.url}: ${usedCommitText(repository)}`;

const emptyText = (state: TopState, list: ListId): string => {
  if (filterOf(state, list) !== "") return "nothing matches the filter; Esc removes it";
  switch (list) {
    case "attention":
      return "";
    case "jobs":
      return `no jobs in ${placeOf(state.system)}`;
    case "runs":
      return "nothing has run yet; t runs the selected job";
    case "coming":
      return "no schedule is due";
    case "workers":
      return "no worker has connected yet; 'petit workers' says how to start one";
    case "job-runs":
      return state.job === null ? "loading …" : "it has never run; t runs it";
    case "tasks":
      return "loading …";
    case "log":
      return state.log?.book === null ? "" : state.log?.book?.ended === true ? "no output" : "no output yet";
  }
};

/** The last line: the filter that is typed, a message, or the keys. */
const footerLine = (state: TopState): Line => {
  const { typing, notice } = state;
  if (typing !== null) {
    return [
      styled("yellow", ` /${filterOf(state, typing)}▏`),
      styled("dim", "  Enter keeps the filter, Esc removes it"),
    ];
  }
  if (notice !== null) return [styled(notice.isError ? "red" : "green", ` ${oneLine(notice.text)}`)];
  return state.overlay === null ? keysLine(state) : [];
};

/** The keys of the help and of quitting are always visible. */
const keysLine = (state: TopState): Line => {
  const isRoot = viewOf(state).kind === "overview" && filterOf(state, activeList(state)) === "";
  const hints = bindingsFor(state).filter(
    ({ hint, command }) => hint !== undefined && !(command === "back" && isRoot) && applies(state, command),
  );
  const isPinned = ({ command }: Binding): boolean => command === "help" || command === "quit";
  const pinned = hints.filter(isPinned).flatMap(hintOf);
  const room = state.columns - textWidth(textOf(pinned));
  const others = hints.filter((each) => !isPinned(each)).map(hintOf);
  return [...fitLine(fitting(others, room), room), ...pinned];
};

/** Returns false for a key that is seldom of use, and not now. */
const applies = (state: TopState, command: Binding["command"]): boolean => {
  if (command === "approve" || command === "reject") return askingTask(state) !== null;
  if (command !== "items") return true;
  const { taskId } = subjectOf(state);
  return state.run?.tasks.some(({ task_id, items }) => task_id === taskId && items !== null) ?? false;
};

/** Returns the first lines that fit next to each other. */
const fitting = (lines: readonly Line[], width: number): Line => {
  let room = width;
  const shown = lines.filter((line) => {
    room -= textWidth(textOf(line));
    return room >= 0;
  });
  return shown.flat();
};

const hintOf = ({ shown, hint = "" }: Binding): Line => [
  styled("cyan", ` ${shown.split(" ")[0]}`),
  styled("dim", ` ${hint} `),
];
