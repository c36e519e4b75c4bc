import type { Json } from "../../lib/json.ts";

/** Maximum length of a text that an expression makes, in characters. As much as the outputs of a task have. */
const MAX_TEXT = 1_048_576;

/** How much work the expressions of one field or one task may be: about 30 ms. The unit is a character that is read or written. */
const MAX_WORK = 4_194_304;

/** What a value of a list or a map costs, beside its characters, and what a map costs. */
export const VALUE_WORK = 8;
export const MAP_WORK = 32;

/**
 * Bounds the work of expressions, which all runs wait for. It also remembers what `fromJSON` has read, so that it reads the same
 * text once.
 */
export class ExpressionWork {
  readonly parsed: Map<string, Json>;
  #spent = 0;

  constructor(parsed = new Map<string, Json>()) {
    this.parsed = parsed;
  }

  /** Returns the bounds of another expression, which uses what this one has read. */
  next(): ExpressionWork {
    return new ExpressionWork(this.parsed);
  }

  get spent(): number {
    return this.#spent;
  }

  /** Counts work that is about to be done. Throws an Error if it is too much. */
  charge(units: number): void {
    this.#spent += units;
    if (this.#spent > MAX_WORK)
      throw new Error("the expression is too much work: it reads or makes too many characters");
  }

  /** Counts a text that is about to be made. Throws an Error if it is too long. */
  chargeText(length: number): void {
    if (length > MAX_TEXT) throw new Error(`the expression makes a text of more than ${MAX_TEXT} characters`);
    this.charge(length);
  }
}
