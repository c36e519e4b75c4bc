import type { TaskHistoryData } from "../data/shapes.ts";

/** A cell of the grid of tasks and runs. */
export type CellPlace = { readonly taskId: string; readonly runId: string };

type Tasks = readonly {
  readonly task_id: string;
  readonly results: readonly Pick<TaskHistoryData["tasks"][number]["results"][number], "run_id">[];
}[];

/** Returns the cell that a key moves to; null if there is none, or for a key that does not move. Skips what runs do not have. */
export const cellAfter = (tasks: Tasks, { taskId, runId }: CellPlace, key: string): CellPlace | null => {
  const row = tasks.findIndex(({ task_id }) => task_id === taskId);
  const results = tasks[row]?.results ?? [];
  const column = results.findIndex(({ run_id }) => run_id === runId);
  const inRow = (index: number): CellPlace | null => {
    const found = index < 0 ? undefined : results[index];
    return found === undefined ? null : { taskId, runId: found.run_id };
  };
  const inColumn = (others: Tasks): CellPlace | null => {
    const found = others.find((task) => task.results.some(({ run_id }) => run_id === runId));
    return found === undefined ? null : { taskId: found.task_id, runId };
  };
  switch (key) {
    case "ArrowLeft":
      return inRow(column - 1);
    case "ArrowRight":
      return inRow(column + 1);
    case "Home":
      return inRow(0);
    case "End":
      return inRow(results.length - 1);
    case "ArrowUp":
      return inColumn(tasks.slice(0, Math.max(0, row)).toReversed());
    case "ArrowDown":
      return inColumn(tasks.slice(row + 1));
    default:
      return null;
  }
};
