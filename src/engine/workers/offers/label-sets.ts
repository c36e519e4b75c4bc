import { serves } from "../../../domain/workers/labels.ts";
import { labelSetName } from "./label-set.ts";

/** The label sets of all offered attempts, by name. */
export class LabelSets {
  readonly #byName = new Map<string, readonly string[]>();

  /** Adds a set, and returns its name. */
  add(labels: readonly string[]): string {
    const name = labelSetName(labels);
    this.#byName.set(name, labels);
    return name;
  }

  /** Returns the names of the sets that a worker serves. */
  servedBy(labels: readonly string[]): readonly string[] {
    return [...this.#byName].filter(([, wanted]) => serves(labels, wanted)).map(([name]) => name);
  }
}
