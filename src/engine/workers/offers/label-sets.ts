import { createHash } from "node:crypto";
import { canonicalLabels, canRun, serves, type WorkerNeeds } from "../../../domain/workers/labels.ts";
import type { Hello } from "../../../domain/workers/protocol.ts";

/** Returns the name of a set of labels: 32 hexadecimal digits. It is part of the subject of its offers. */
export const labelSetName = (labels: readonly string[]): string =>
  createHash("sha256").update(canonicalLabels(labels).join(",")).digest("hex").slice(0, 32);

/** An attempt that may be open, and what it needs of its worker. */
type OfferedAttempt = { readonly isOpen: boolean; readonly needs: WorkerNeeds };

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
   * Returns the names of the sets that a worker serves. A set is left out if the worker can run none of its open offers, because it does not
   * allow their types, lacks features, or can't enforce their limits: it would give back each of them, again and again.
   */
  servedBy(
    worker: Pick<Hello, "labels" | "allowedTypes" | "features" | "limits">,
    attempts: Iterable<OfferedAttempt>,
  ): readonly string[] {
    const isUseful = new Map<string, boolean>();
    for (const { isOpen, needs } of attempts) {
      const set = needs.labels.join(",");
      if (isOpen && isUseful.get(set) !== true) isUseful.set(set, canRun(worker, needs));
    }
    return [...this.#byName].flatMap(([name, labels]) =>
      serves(worker.labels, labels) && isUseful.get(labels.join(",")) !== false ? [name] : [],
    );
  }
}
