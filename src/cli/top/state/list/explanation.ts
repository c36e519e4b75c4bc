import { attentionWords } from "../../../../domain/words/attention.ts";
import { decisiveLine } from "../../../../domain/words/run.ts";
import { shownStatusOf, statusWords } from "../../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../../domain/words/waits-for.ts";
import { subjectText } from "../../../status/attention.ts";
import { oneLine, textWidth, wrapBoth } from "../../../terminal/text-width.ts";
import type { TopAttention, TopRun } from "../../data/shapes.ts";
import { activeList, type TopState } from "../state.ts";
import { attentionRows, jobRunRows, runRows } from "./lists.ts";

// The texts that explain an entry or a run. An older petit does not send `waits_for`, so it can be undefined.

export const attentionLine = (item: TopAttention): string => {
  const { why, line = why } = attentionWords(item);
  return oneLine(line);
};

/** Returns what a run waits for, or the line that explains its failure if the response has it. */
export const whyText = (run: TopRun): string => {
  const { failure = null, error, waits_for } = run;
  if (waits_for != null) return oneLine(`waits for ${waitsForText(waits_for)}`);
  if (shownStatusOf(run) === "waiting") return oneLine(statusWords(run));
  const line = failure === null ? null : decisiveLine<{ readonly text: string }>(failure);
  if (failure === null || line === null) return oneLine(error ?? "");
  return oneLine(failure.task_id === null ? line.text : `${failure.task_id}: ${line.text}`);
};

const MAX_LINES = 3;

/** Returns the text that explains the selected entry or run, in lines for the screen; none if it has room in its row. */
export const selectedLines = (state: TopState): readonly string[] => {
  const text = selectedText(state);
  const { columns } = state;
  return textWidth(text) <= leastRoom(state) ? [] : wrapBoth(text, { width: columns - 2, lines: MAX_LINES });
};

/** As in the layout and the rows. */
const [WIDE, NARROW_RUN] = [120, 100];
/** Columns for the mark, the sign, times and counts, and of a run on a wide terminal the status and the trigger. */
const [OF_ENTRY, OF_RUN, OF_WIDE_RUN] = [18, 26, 21];

/** Returns how many columns a row of the active list has at least for the text that explains it. */
const leastRoom = (state: TopState): number => {
  const { columns } = state;
  const list = activeList(state);
  if (list === "attention") {
    const width = columns < WIDE ? columns : Math.floor(columns * 0.58);
    const subject = longest(attentionRows(state).map((item) => subjectText(attentionWords(item).subject)));
    return width - OF_ENTRY - Math.min(Math.floor(width / 3), subject);
  }
  const width = list === "job-runs" || columns < WIDE ? columns : columns - Math.floor(columns * 0.58) - 1;
  const name = list === "job-runs" ? 8 : Math.min(32, longest(runRows(state).map(({ job_id }) => job_id)));
  return width - OF_RUN - (width < NARROW_RUN ? 0 : OF_WIDE_RUN) - Math.max(10, name);
};

const longest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, textWidth(text)), 0);

const selectedText = (state: TopState): string => {
  const list = activeList(state);
  const index = state.cursors[list]?.index ?? 0;
  switch (list) {
    case "attention": {
      const item = attentionRows(state)[index];
      return item === undefined ? "" : attentionLine(item);
    }
    case "runs":
    case "job-runs": {
      const run = (list === "runs" ? runRows : jobRunRows)(state)[index];
      return run === undefined ? "" : whyText(run);
    }
    case "jobs":
    case "coming":
    case "workers":
    case "tasks":
    case "log":
      return "";
  }
};
