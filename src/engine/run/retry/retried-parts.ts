import type { RunId, TaskId } from "../../../domain/ids.ts";
import type { Item } from "../../../domain/item.ts";
import type { Run } from "../../../domain/run.ts";
import type { ItemRun, TaskRun } from "../../../domain/task-run.ts";
import type { Store } from "../../../store/store.ts";

/** What a task of a retried run did. */
type PartsBefore = {
  /** By key; null if the task was not expanded. */
  readonly items: ReadonlyMap<string, ItemRun> | null;
  readonly childRunId: RunId | null;
};

export type RetriedPartsOptions = {
  readonly store: Pick<Store, "runs">;
  readonly run: Run;
  /** The stored task runs of the run. */
  readonly taskRuns: readonly TaskRun[];
};

/** What a retry reuses from earlier runs: completed items, and child runs. */
export class RetriedParts {
  readonly #options: RetriedPartsOptions;
  /** The results of `#partsBefore` so far. */
  readonly #known = new Map<TaskId, readonly PartsBefore[]>();

  constructor(options: RetriedPartsOptions) {
    this.#options = options;
  }

  /** Returns the items of a task by key, as the last run that expanded it left them; none if no run did, or they are not reused. */
  itemsOf(taskId: TaskId): ReadonlyMap<string, ItemRun> {
    return this.#partsBefore(taskId).find(({ items }) => items !== null)?.items ?? new Map();
  }

  /** Returns the run that a task, or an item of it, started in a retried run, if the retry reuses what that completed. */
  childOf(taskId: TaskId, item: Item | null): RunId | null {
    for (const { childRunId, items } of this.#partsBefore(taskId)) {
      const found = item === null ? childRunId : (items?.get(item.key)?.childRunId ?? null);
      if (found !== null) return found;
    }
    return null;
  }

  /**
   * Returns what earlier runs did for a task, the newest first: the retried run, then the one that this retried, and so on, as long as
   * each reused the work of the next. A run that was ended early may lack a part that an older one has. Empty if nothing is reused.
   */
  #partsBefore(id: TaskId): readonly PartsBefore[] {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const { runs } = this.#options.store;
    const parts: PartsBefore[] = [];
    let { retryOf } = this.#options.run;
    let isReused = this.#options.taskRuns.some(({ taskId, reused }) => taskId === id && reused);
    while (isReused && retryOf !== null) {
      const runId: RunId = retryOf;
      const before = runs.listTaskRuns(runId).find(({ taskId }) => taskId === id);
      if (before === undefined) break;
      const items = before.items === null ? null : runs.listItems({ runId, taskId: id });
      parts.push({ ...before, items: items && new Map(items.map((item) => [item.key, item])) });
      isReused = before.reused;
      retryOf = runs.find(runId)?.retryOf ?? null;
    }
    this.#known.set(id, parts);
    return parts;
  }
}
