import { attentionWords } from "../../../../domain/words/attention.ts";
import { failureText, failureWords } from "../../../../domain/words/failure.ts";
import { consequencesText } from "../../../../domain/words/inbox/consequence.ts";
import { markText } from "../../../../domain/words/inbox/mark.ts";
import { shownStatusOf, statusWords } from "../../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../../domain/words/waits-for.ts";
import { reasonText } from "../../../run-display/outcome.ts";
import { subjectText } from "../../../status/attention.ts";
import { shortLocal } from "../../../terminal/local-time.ts";
import { oneLine, textWidth, wrapBoth } from "../../../terminal/text-width.ts";
import type { TopAttention, TopRun } from "../../data/shapes.ts";
import { activeList, type TopState } from "../state.ts";
import { attentionRows, jobRunRows, runRows, taskRows } from "./lists.ts";

// The texts that explain an entry or a run. An older petit does not send `waits_for`, so it can be undefined.

export const attentionLine = (item: TopAttention): string => {
  const { why, line = why } = attentionWords(item);
  return oneLine(line);
};

/** Returns what people said about an entry; empty if nobody has said anything. */
export const markLine = (item: TopAttention, { now, zone }: Pick<TopState, "now" | "zone">): string =>
  oneLine(markText(item, (at) => shortLocal(at, { now, zone, home: zone })));

/** Returns what a run waits for, or why it failed, with its line of output if the response has it. */
export const whyText = (run: TopRun): string => {
  const { failure = null, error, waits_for } = run;
  if (waits_for != null) return oneLine(`waits for ${waitsForText(waits_for)}`);
  if (shownStatusOf(run) === "waiting") return oneLine(statusWords(run));
  return oneLine(failure === null ? (error ?? "") : failureText(failureWords(failure, error)));
};

/** Share of the rows that the text can take: on 80×24 that is enough for the longest line that explains a failure. */
const MAX_SHARE = 1 / 3;

/** Rows for what people said about an entry. */
const MAX_SAID = 2;

/** Returns the text that explains the selected entry, run or task, in lines for the screen; none if it has room in its row. */
export const selectedLines = (state: TopState): readonly string[] => {
  const { text, said } = selectedText(state);
  const { columns, rows } = state;
  if (said === "" && textWidth(text) <= leastRoom(state)) return [];
  const width = columns - 2;
  return [
    ...wrapBoth(text, { width, lines: Math.floor(rows * MAX_SHARE) }),
    ...(said === "" ? [] : wrapBoth(said, { width, lines: MAX_SAID })),
  ];
};

/** As in the layout and the rows. */
const [WIDE, NARROW_RUN] = [120, 100];
/** Columns for the mark, the sign, times and counts, and of a run on a wide terminal the status and the trigger. */
const [OF_ENTRY, OF_RUN, OF_WIDE_RUN] = [18, 26, 21];
/** Columns of a task: for mark and duration, for what precedes its error, and the minimum and maximum for its branch, sign and name. */
const [OF_TASK, OF_FACTS, LEAST_NAME, MOST_NAME] = [12, 40, 14, 48];

/** Returns how many columns a row of the active list has at least for the text that explains it. */
const leastRoom = (state: TopState): number => {
  const { columns } = state;
  const list = activeList(state);
  if (list === "attention") {
    const width = columns < WIDE ? columns : Math.floor(columns * 0.58);
    const subject = longest(attentionRows(state).map((item) => subjectText(attentionWords(item).subject)));
    return width - OF_ENTRY - Math.min(Math.floor(width / 3), subject);
  }
  if (list === "tasks") return roomOfTask(state);
  const width = list === "job-runs" || columns < WIDE ? columns : columns - Math.floor(columns * 0.58) - 1;
  const name = list === "job-runs" ? 8 : Math.min(32, longest(runRows(state).map(({ job_id }) => job_id)));
  return width - OF_RUN - (width < NARROW_RUN ? 0 : OF_WIDE_RUN) - Math.max(10, name);
};

const roomOfTask = (state: TopState): number => {
  const { columns } = state;
  const row = taskRows(state)[state.cursors.tasks?.index ?? 0];
  if (row === undefined) return 0;
  const width = columns < WIDE ? columns : Math.floor(columns * 0.45);
  const name = Math.max(row.branch.length + LEAST_NAME, Math.min(MOST_NAME, Math.floor(width / 2)));
  const shown = row.item ?? row.task;
  const hasFacts =
    shown.attempts > 1 ||
    (row.item === null && row.task.items !== null) ||
    shown.attempt_list.some(({ worker }) => worker != null);
  return width - OF_TASK - name - (hasFacts ? OF_FACTS : 0);
};

const longest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, textWidth(text)), 0);

/** What explains a row, and what people said about it with what waits for it. */
type SelectedText = { readonly text: string; readonly said: string };

const NO_TEXT: SelectedText = { text: "", said: "" };

const selectedText = (state: TopState): SelectedText => {
  const list = activeList(state);
  const index = state.cursors[list]?.index ?? 0;
  switch (list) {
    case "attention": {
      const item = attentionRows(state)[index];
      if (item === undefined) return NO_TEXT;
      const said = [consequencesText(item), markLine(item, state)].filter((each) => each !== "").join("; ");
      return { text: attentionLine(item), said };
    }
    case "runs":
    case "job-runs": {
      const run = (list === "runs" ? runRows : jobRunRows)(state)[index];
      return run === undefined ? NO_TEXT : { text: whyText(run), said: "" };
    }
    case "tasks": {
      const row = taskRows(state)[index];
      const shown = row?.item ?? row?.task;
      return shown?.status === "failed" ? { text: reasonText(shown), said: "" } : NO_TEXT;
    }
    case "jobs":
    case "coming":
    case "workers":
    case "log":
      return NO_TEXT;
  }
};
