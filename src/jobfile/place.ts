import type { Node, Path } from "./parse/node.ts";
import type { Report } from "./report.ts";

/** The path of the value that is being read, and the report for its problems. */
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

  /** Returns the place of a child value. */
  inside(step: string | number): Place {
    return new Place(this.report, this, step);
  }

  /** Built only when a problem is reported. */
  get path(): Path {
    return this.#parent === null ? [] : [...this.#parent.path, this.#step];
  }

  /** Reports a problem with the value here and returns undefined. */
  refuse(node: Pick<Node, "at">, message: string): undefined {
    this.report.add(node.at, this.path, message);
  }
}
