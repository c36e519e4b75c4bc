import { forgetOldest } from "../../lib/forget-oldest.ts";

/** How many subjects are remembered; the one that changed first is forgotten first. */
const MAX_SUBJECTS = 1_000;

/** Remembers what happened last to each subject, so that a log names an event only once if it happens again and again. */
export class Repeats {
  readonly #againAfterMs: number;
  readonly #last = new Map<string, { readonly what: string; readonly at: number }>();

  /** After `againAfterMs`, the same counts as new again. The default is never. */
  constructor(againAfterMs = Number.POSITIVE_INFINITY) {
    this.#againAfterMs = againAfterMs;
  }

  /** Notes what happened to a subject at `now`, in ms. Returns whether it is new: the last time, something else happened to it. */
  isNew(subject: string, what: string, now = 0): boolean {
    const last = this.#last.get(subject);
    if (last?.what === what && now - last.at < this.#againAfterMs) return false;
    this.#last.set(subject, { what, at: now });
    forgetOldest(this.#last, MAX_SUBJECTS);
    return true;
  }
}
