import type { TaskType } from "../../../domain/job.ts";
import { allows, serves } from "../../../domain/workers/labels.ts";
import type { Hello } from "../../../domain/workers/protocol.ts";
import { labelSetName } from "./label-set.ts";

/** An attempt that may be open, and what its worker must have, and must allow. */
type OfferedAttempt = {
  readonly isOpen: boolean;
  readonly needs: { readonly labels: readonly string[]; readonly type: TaskType };
};

/** The label sets of all offered attempts, by name. */
export class LabelSets {
  readonly #byName = new Map<string, readonly string[]>();

  /** Adds a set, and returns its name. */
  add(labels: readonly string[]): string {
    const name = labelSetName(labels);
    this.#byName.set(name, labels);
    return name;
  }

  /**
   * Returns the names of the sets that a worker serves, without those in which all open offers are of types that it does not allow. It
   * would give all of them back, again and again.
   */
  servedBy(worker: Pick<Hello, "labels" | "allowedTypes">, attempts: Iterable<OfferedAttempt>): readonly string[] {
    const open = worker.allowedTypes === undefined ? [] : [...attempts].filter(({ isOpen }) => isOpen);
    const byLabels = Map.groupBy(open, ({ needs }) => needs.labels.join(","));
    return [...this.#byName].flatMap(([name, labels]) => {
      const offers = byLabels.get(labels.join(",")) ?? [];
      const isUseful = offers.length === 0 || offers.some(({ needs }) => allows(worker, needs.type));
      return isUseful && serves(worker.labels, labels) ? [name] : [];
    });
  }
}
