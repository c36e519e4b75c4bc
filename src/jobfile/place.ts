import type { Node, Path } from "./parse/node.ts";
import type { Report } from "./report.ts";

/** Where a value is read: the way to it, and where to tell what is wrong. */
export class Place {
  readonly report: Report;
  readonly #parent: Place | null;
  readonly #step: string | number;

  private constructor(report: Report, parent: Place | null, step: string | number) {
    this.report = report;
    this.#parent = parent;
    this.#step = step;
  }

  static top(report: Report): Place {
    return new Place(report, null, "");
  }

  /** The place of a part of the value. */
  inside(step: string | number): Place {
    return new Place(this.report, this, step);
  }

  /** Put together only when something is to be told. */
  get path(): Path {
    return this.#parent === null ? [] : [...this.#parent.path, this.#step];
  }

  /** Reports what is wrong with a value here, and answers that it can't be read. */
  refuse(node: Pick<Node, "at">, message: string): undefined {
    this.report.add(node.at, this.path, message);
  }
}
