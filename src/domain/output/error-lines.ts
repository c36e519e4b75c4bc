import type { OutputStream } from "../task-run.ts";
import { Collector } from "./candidates.ts";
import { MIN_POINTS } from "./error-rank.ts";

type WrittenLine = {
  /** What wrote the line, such as an attempt of a task: lines of several writers are not related to each other. */
  readonly writer: string;
  readonly stream: OutputStream;
  readonly text: string;
};

/** Says of each line of an output, in the order in which it was printed, whether it looks like an error, as the cause of a failure does. */
export class ErrorLines {
  readonly #collectors = new Map<string, Collector>();
  #count = 0;

  isError({ writer, stream, text }: WrittenLine): boolean {
    const collector = this.#collectors.get(writer) ?? new Collector(new Set());
    this.#collectors.set(writer, collector);
    const { length } = collector.candidates;
    this.#count++;
    collector.add({ seq: this.#count, stream, text }, this.#count);
    return (collector.candidates[length]?.points ?? 0) >= MIN_POINTS;
  }
}
