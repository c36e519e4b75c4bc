import { hasWorkers, type ListId, PANELS, type Panel, type TopState, viewOf } from "../state.ts";
import { selectedLines } from "./explanation.ts";
import { attentionRows, taskRows, workerRows } from "./lists.ts";

/** A part of the screen with a title in its first row. Columns and rows count from 0. */
export type Pane = {
  readonly list: ListId;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** With the title. */
  readonly height: number;
};

export type ScreenLayout = {
  /** Rows between the header and the panes, about the job or run that is shown. */
  readonly infoRows: number;
  readonly panes: readonly Pane[];
  /** Rows below the panes with the whole text of what is selected. */
  readonly detailRows: number;
};

/** The smallest terminal on which the dashboard is usable. */
export const MIN_COLUMNS = 40;
export const MIN_ROWS = 10;

/** From this width on, panes are side by side. */
const WIDE = 120;

/** One row of header, one of footer. */
const HEADER = 1;
const FRAME = 2;

const JOB_INFO = 5;
const RUN_INFO = 3;

export const isTooSmall = ({ columns, rows }: TopState): boolean => columns < MIN_COLUMNS || rows < MIN_ROWS;

/** A terminal with fewer rows shows only lists. */
const MIN_ROWS_WITH_DETAIL = 16;

/** Returns where the panes of the view are. */
export const layoutOf = (full: TopState): ScreenLayout => {
  const detailRows = full.rows < MIN_ROWS_WITH_DETAIL ? 0 : selectedLines(full).length;
  return { ...panesOf({ ...full, rows: full.rows - detailRows }), detailRows };
};

const panesOf = (state: TopState): Omit<ScreenLayout, "detailRows"> => {
  const { columns, rows } = state;
  const y = HEADER;
  const height = rows - FRAME;
  switch (viewOf(state).kind) {
    case "overview":
      return { infoRows: 0, panes: columns >= WIDE ? sideBySide(state) : stacked(state) };
    case "job":
      return {
        infoRows: JOB_INFO,
        panes: [{ list: "job-runs", x: 0, y: y + JOB_INFO, width: columns, height: height - JOB_INFO }],
      };
    case "run":
      return { infoRows: RUN_INFO, panes: runPanes(state) };
    case "log":
      return { infoRows: 0, panes: [{ list: "log", x: 0, y, width: columns, height }] };
  }
};

/** A pane with what needs attention, and one with the tab. */
const stacked = (state: TopState): readonly Pane[] => {
  const { columns: width, rows, tab } = state;
  const height = rows - FRAME;
  const top = attentionHeight(state, Math.floor(height / 3));
  return [
    { list: "attention", x: 0, y: HEADER, width, height: top },
    { list: tab, x: 0, y: HEADER + top, width, height: height - top },
  ];
};

const sideBySide = (state: TopState): readonly Pane[] => {
  const { columns, rows } = state;
  const height = rows - FRAME;
  const left = Math.floor(columns * 0.58);
  const right = { x: left + 1, width: columns - left - 1 };
  const top = attentionHeight(state, Math.floor(height / 3));
  const lowest = workersHeight(state, Math.floor(height / 4));
  const upper = Math.ceil((height - lowest) / 2);
  return [
    { list: "attention", x: 0, y: HEADER, width: left, height: top },
    { list: "jobs", x: 0, y: HEADER + top, width: left, height: height - top },
    { list: "runs", ...right, y: HEADER, height: upper },
    { list: "coming", ...right, y: HEADER + upper, height: height - upper - lowest },
    ...(lowest === 0 ? [] : [{ list: "workers", ...right, y: HEADER + height - lowest, height: lowest } as const]),
  ];
};

/** A title, and a row for each worker or a sentence if there is none. */
const workersHeight = (state: TopState, max: number): number =>
  hasWorkers(state) ? Math.min(1 + Math.max(1, workerRows(state).length), Math.max(2, max)) : 0;

/** A title, and a row for each thing that needs attention; while there is none, the title says so. */
const attentionHeight = (state: TopState, max: number): number =>
  Math.min(1 + attentionRows(state).length, Math.max(2, max));

/** The tasks with the log of the selected one, side by side if there is room. */
const runPanes = (state: TopState): readonly Pane[] => {
  const { columns, rows } = state;
  const y = HEADER + RUN_INFO;
  const height = rows - FRAME - RUN_INFO;
  if (columns >= WIDE) {
    const left = Math.floor(columns * 0.45);
    return [
      { list: "tasks", x: 0, y, width: left, height },
      { list: "log", x: left + 1, y, width: columns - left - 1, height },
    ];
  }
  const top = Math.min(1 + Math.max(1, taskRows(state).length), Math.ceil(height / 2));
  return [
    { list: "tasks", x: 0, y, width: columns, height: top },
    { list: "log", x: 0, y: y + top, width: columns, height: height - top },
  ];
};

/** Returns the pane at a position of the screen, or null. */
export const paneAt = (state: TopState, x: number, y: number): Pane | null =>
  layoutOf(state).panes.find(
    (pane) => x >= pane.x && x < pane.x + pane.width && y >= pane.y && y < pane.y + pane.height,
  ) ?? null;

export const isPanel = (list: ListId): list is Panel => PANELS.some((panel) => panel === list);
