import type { Clock } from "../../../lib/clock.ts";
import type { MouseEvent } from "../state/message.ts";

const DOUBLE_CLICK_MS = 400;

/** Recognizes double clicks: two presses on the same row within a short time. */
export class ClickCounter {
  readonly #clock: Pick<Clock, "monotonic">;
  #last: { readonly y: number; readonly at: number } | null = null;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  isDouble({ kind, y }: MouseEvent): boolean {
    if (kind !== "press") return false;
    const at = this.#clock.monotonic();
    const isDouble = this.#last?.y === y && at - this.#last.at < DOUBLE_CLICK_MS;
    // A third press is a new first one.
    this.#last = isDouble ? null : { y, at };
    return isDouble;
  }
}
