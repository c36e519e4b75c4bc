import { stripVTControlCharacters } from "node:util";
import { pluralize } from "../terminal/pluralize.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitEnd, fitMiddle, oneLine } from "../terminal/text-width.ts";
import type { TaskView } from "./view.ts";

/** The last lines of a failed task. */
export type ErrorExcerpt = { readonly taskId: string; readonly lines: readonly string[] };

/** Which lines to read: the last `limit` lines of an attempt, of one stream or of both for null. */
export type TailQuery = {
  readonly taskId: string;
  readonly attempt: number;
  readonly stream: "stderr" | null;
  readonly limit: number;
};

/** Maximum number of failed tasks whose lines are shown, and of lines for all of them together. */
const MAX_TASKS = 3;
const MAX_LINES = 10;

/** Reads the last error lines of the tasks that failed first. A task that wrote nothing to stderr has its last lines of stdout. */
export const readExcerpts = async (
  tasks: readonly TaskView[],
  readTail: (query: TailQuery) => Promise<readonly string[]>,
): Promise<readonly ErrorExcerpt[]> => {
  const shown = failedTasks(tasks).slice(0, MAX_TASKS);
  const limit = Math.ceil(MAX_LINES / shown.length);
  return Promise.all(
    shown.map(async ({ id, attempts }) => {
      const query = { taskId: id, attempt: attempts, limit };
      if (attempts === 0) return { taskId: id, lines: [] };
      const errors = await readTail({ ...query, stream: "stderr" });
      return { taskId: id, lines: errors.length > 0 ? errors : await readTail({ ...query, stream: null }) };
    }),
  );
};

/** Returns the failed tasks, the first one first. */
export const failedTasks = (tasks: readonly TaskView[]): readonly TaskView[] =>
  tasks
    .filter(({ status }) => status === "failed")
    .toSorted((left, right) => (left.endedAt ?? 0) - (right.endedAt ?? 0));

/** Formats excerpts, each line with the name of its task and none wider than a terminal. Returns an empty text without lines. */
export const excerptText = (excerpts: readonly ErrorExcerpt[], failedCount: number, screen: Screen): string => {
  const rows = excerpts.flatMap(({ taskId, lines }) => readable(lines).map((line) => ({ taskId, line })));
  const width = screen.isTerminal ? screen.columns() : Number.POSITIVE_INFINITY;
  const nameWidth = Math.min(Math.max(0, ...rows.map(({ taskId }) => taskId.length)), Math.floor(width / 3));
  const texts = rows.map(({ taskId, line }) => {
    const name = fitMiddle(taskId, nameWidth).padEnd(nameWidth);
    return `  ${paint(screen, "red", name)} │ ${fitEnd(line, width - nameWidth - 5)}`.trimEnd();
  });
  const more = failedCount - excerpts.length;
  if (texts.length > 0 && more > 0) texts.push(paint(screen, "dim", `  … and ${pluralize(more, "more failed task")}`));
  return texts.map((text) => `${text}\n`).join("");
};

/** Removes escape sequences, control characters, and empty lines at the start and the end. */
const readable = (lines: readonly string[]): readonly string[] => {
  const texts = lines.map((line) => oneLine(stripVTControlCharacters(line)).trimEnd());
  const first = texts.findIndex((text) => text !== "");
  return first === -1 ? [] : texts.slice(first, texts.findLastIndex((text) => text !== "") + 1);
};
