import { isFinal } from "../../../../domain/run.ts";
import { shownStatusOf } from "../../../../domain/words/waiting-for.ts";
import { textWidth } from "../../../terminal/text-width.ts";
import { hasWorkers, type Panel, type TopState } from "../state.ts";
import type { Pane } from "./layout.ts";
import { comingRows, jobRows, MAX_COMING, workerRows } from "./lists.ts";

/** The title of a panel. */
export type PanelTab = { readonly panel: Panel; readonly text: string };

/** Returns the titles in the first row of a pane: if there is no room for all panels, several share it. */
export const tabsOf = (state: TopState, { list, width }: Pane): readonly PanelTab[] => {
  const tabs: readonly PanelTab[] = [
    { panel: "jobs", text: `2 Jobs ${countText(jobRows(state).length, state.jobs.length)}` },
    { panel: "runs", text: `3 Runs ${activeText(state)}` },
    { panel: "coming", text: `4 Coming ${comingText(comingRows(state).length)}` },
    ...(hasWorkers(state) ? [{ panel: "workers", text: `5 Workers ${workersText(state)}` } as const] : []),
  ];
  return width < state.columns ? tabs.filter(({ panel }) => panel === list) : tabs;
};

/** Columns between two tabs, and before the first. */
export const TAB_GAP = 2;

/** Returns the tab at a column of the screen; null if there is none. */
export const tabAt = (state: TopState, pane: Pane, x: number): Panel | null => {
  if (pane.list === "attention" || pane.list === "log" || pane.list === "tasks" || pane.list === "job-runs")
    return null;
  let end = pane.x + TAB_GAP;
  for (const { panel, text } of tabsOf(state, pane)) {
    end += textWidth(text) + TAB_GAP;
    if (x < end) return panel;
  }
  return null;
};

const comingText = (count: number): string => (count < MAX_COMING ? String(count) : `${count}+`);

const workersText = (state: TopState): string => countText(workerRows(state).length, state.workers?.count ?? 0);

const countText = (shown: number, all: number): string => (shown === all ? String(all) : `${shown}/${all}`);

const activeText = ({ runs }: TopState): string => {
  const running = runs.filter((run) => shownStatusOf(run) === "running").length;
  const waiting = runs.filter(({ status }) => !isFinal(status)).length - running;
  return waiting === 0 ? `${running} running` : `${running} running, ${waiting} waiting`;
};
