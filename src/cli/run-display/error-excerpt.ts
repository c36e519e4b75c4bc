import { stripVTControlCharacters } from "node:util";
import { areExplaining, type FailureGroup } from "../../domain/output/failure-groups.ts";
import type { FailureCause } from "../../domain/task-run.ts";
import { failureGroupText } from "../../domain/words/failure.ts";
import { pluralize } from "../../lib/text.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitMiddle, oneLine, wrapBoth } from "../terminal/text-width.ts";
import { writerName } from "./output-chunk.ts";
import type { TaskView } from "./view.ts";

/** The lines that explain why a task or an item failed, or else its last ones. */
export type ErrorExcerpt = { readonly name: string; readonly lines: readonly string[] };

/** Which lines to read: the last `limit` lines of an attempt, of one stream or of both for null. */
export type TailQuery = {
  readonly taskId: string;
  /** Position of the item; null for a task without items. */
  readonly item: number | null;
  readonly attempt: number;
  readonly stream: "stderr" | null;
  readonly limit: number;
};

/** A failed item of a task. */
export type FailedItem = { readonly index: number; readonly key?: string; readonly attempts: number };

/** A group of failed items. */
type ShownGroup = Pick<FailureGroup, "text" | "kind" | "count"> & {
  readonly items: readonly { readonly key: string }[];
};

/** Where the lines come from: a running petit, or this process. */
export type ExcerptSource = {
  /** Returns the line that explains why an attempt failed; null if none does. */
  readonly findCause: (writer: Writer) => Promise<Pick<FailureCause, "text" | "context"> | null>;
  readonly readTail: (query: TailQuery) => Promise<readonly string[]>;
  /** Returns the failed items of a task by the line that explains them. */
  readonly listFailures: (taskId: string) => Promise<readonly ShownGroup[]>;
  /** Returns at most `limit` failed items of a task, in their order. */
  readonly listFailedItems: (taskId: string, limit: number) => Promise<readonly FailedItem[]>;
};

/** Maximum number of failed tasks and items whose lines are shown, and of lines for all of them together. */
const MAX_WRITERS = 3;
const MAX_LINES = 10;

type Writer = Pick<TailQuery, "taskId" | "item" | "attempt"> & { readonly itemKey?: string };

/**
 * Reads the lines that explain why tasks failed, of `first` and of those that failed first. Where no line does, these are the last ones of stderr, or of
 * stdout if stderr is empty. Of a task with several failed items, these are their causes.
 */
export const readExcerpts = async (
  tasks: readonly TaskView[],
  source: ExcerptSource,
  first: string | null = null,
): Promise<readonly ErrorExcerpt[]> => {
  const parts = await Promise.all(
    failedTasks(tasks, first)
      .slice(0, MAX_WRITERS)
      .map((task) => failedParts(task, source)),
  );
  const shown = parts.flat().slice(0, MAX_WRITERS);
  const limit = Math.ceil(MAX_LINES / shown.length);
  return Promise.all(
    shown.map(async (part) =>
      "lines" in part
        ? { ...part, lines: part.lines.slice(0, limit) }
        : { name: writerName(part), lines: await linesOf(part, source, limit) },
    ),
  );
};

const linesOf = async (writer: Writer, source: ExcerptSource, limit: number): Promise<readonly string[]> => {
  const cause = await source.findCause(writer);
  if (cause !== null) return [cause.text, ...cause.context].slice(0, limit);
  const { taskId, item, attempt } = writer;
  const errors = await source.readTail({ taskId, item, attempt, stream: "stderr", limit });
  return errors.length > 0 ? errors : await source.readTail({ taskId, item, attempt, stream: null, limit });
};

/** Returns what to show of a failed task: the causes of several failed items, or whose lines. A task whose items failed has no attempts of its own. */
const failedParts = async (
  { id, attempts }: TaskView,
  source: ExcerptSource,
): Promise<readonly (Writer | ErrorExcerpt)[]> => {
  if (attempts > 0) return [{ taskId: id, item: null, attempt: attempts }];
  const groups = await source.listFailures(id);
  if (areExplaining(groups)) return [{ name: id, lines: groups.map(failureGroupText) }];
  const items = await source.listFailedItems(id, MAX_WRITERS);
  return items.flatMap(({ index, key, attempts: attempt }) =>
    attempt === 0 ? [] : [{ taskId: id, item: index, ...(key !== undefined && { itemKey: key }), attempt }],
  );
};

/** Returns the tasks because of which a run failed: `first`, which explains it, then the others in the order in which they failed. */
export const failedTasks = (tasks: readonly TaskView[], first: string | null): readonly TaskView[] =>
  tasks
    .filter(({ status, allowed }) => status === "failed" && !allowed)
    .toSorted(
      (left, right) =>
        Number(right.id === first) - Number(left.id === first) || (left.endedAt ?? 0) - (right.endedAt ?? 0),
    );

/** Formats excerpts, each line with what wrote it, and wrapped on a terminal. Returns an empty text without lines. */
export const excerptText = (excerpts: readonly ErrorExcerpt[], failedCount: number, screen: Screen): string => {
  const rows = excerpts.flatMap(({ name, lines }) => readable(lines).map((line) => ({ name, line })));
  const width = screen.isTerminal ? screen.columns() : Number.POSITIVE_INFINITY;
  const nameWidth = Math.min(Math.max(0, ...rows.map(({ name }) => name.length)), Math.floor(width / 3));
  const room = { width: Math.max(MIN_TEXT, width - nameWidth - 5), lines: MAX_LINES_OF_LINE };
  const texts = rows.flatMap(({ name, line }) =>
    wrapBoth(line, room).map((part, index) => {
      const text = (index === 0 ? fitMiddle(name, nameWidth) : "").padEnd(nameWidth);
      return `  ${paint(screen, "red", text)} │ ${part}`.trimEnd();
    }),
  );
  const more = failedCount - excerpts.length;
  if (texts.length > 0 && more > 0) texts.push(paint(screen, "dim", `  … and ${pluralize(more, "more failed task")}`));
  return texts.map((text) => `${text}\n`).join("");
};

const MIN_TEXT = 12;
/** Longer lines are shown by their start and their end. */
const MAX_LINES_OF_LINE = 4;

/** Removes escape sequences, control characters, and empty lines at the start and the end. */
const readable = (lines: readonly string[]): readonly string[] => {
  const texts = lines.map((line) => oneLine(stripVTControlCharacters(line)).trimEnd());
  const first = texts.findIndex((text) => text !== "");
  return first === -1 ? [] : texts.slice(first, texts.findLastIndex((text) => text !== "") + 1);
};
