import type { ItemCountsData, TaskRunData } from "../../data/shapes.ts";

/** Number of items that are loaded together, so that an event does not load all of them again. */
export const ITEM_PAGE = 200;

/** Maximum number of items of a task. */
export const MAX_ITEMS = 1_000;

/** Returns the tasks that run once for each item, and whose items are known. */
export const tasksWithItems = <Task extends Pick<TaskRunData, "items">>(
  tasks: readonly Task[],
): readonly (Task & { readonly items: ItemCountsData })[] =>
  tasks.flatMap((task) => (task.items === null || task.items.total === 0 ? [] : [{ ...task, items: task.items }]));

/** Returns how many items have ended, how many there are, and how many failed: `12/20, 3 failed`. */
export const itemsText = ({ total, pending, running, failed }: ItemCountsData): string => {
  const ended = `${(total - pending - running).toLocaleString()}/${total.toLocaleString()}`;
  return failed === 0 ? ended : `${ended}, ${failed.toLocaleString()} failed`;
};

/** Returns the same in words: `12 of 20 items ended, 3 failed`. */
export const itemsWords = ({ total, pending, running, failed }: ItemCountsData): string => {
  const ended = `${(total - pending - running).toLocaleString()} of ${total.toLocaleString()} items ended`;
  return failed === 0 ? ended : `${ended}, ${failed.toLocaleString()} failed`;
};

/** Returns the page of an item, by its position in the list, and its position there. */
export const itemPlace = (position: number): { readonly page: number; readonly at: number } => ({
  page: Math.floor(position / ITEM_PAGE),
  at: position % ITEM_PAGE,
});

/**
 * Returns the position of the item of a row, from 0, if the failed items come first. `failed` has their positions, in order; `row` is not
 * one of theirs.
 */
export const positionAfterFailed = (row: number, failed: readonly number[]): number => {
  let position = row - failed.length;
  for (const index of failed) {
    if (index > position) break;
    position++;
  }
  return position;
};

type LoggedItem = {
  readonly taskId: string;
  /** Position of the item; null for all items of the task. */
  readonly index: number | null;
};

/** Returns the query of the page with the log of an item. */
export const itemLink = (query: URLSearchParams, { taskId, index }: LoggedItem): string => {
  const next = new URLSearchParams(query);
  next.set("task", taskId);
  next.delete("attempt");
  if (index === null) next.delete("item");
  else next.set("item", String(index));
  return next.toString();
};
