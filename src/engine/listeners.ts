import type { Log } from "../lib/log.ts";

/** Who wants to hear of what happens under a key. */
export class Listeners<Key, Value> {
  readonly #byKey = new Map<Key, Set<(value: Value) => void>>();

  /** The answer ends it. */
  add(key: Key, listener: (value: Value) => void): () => void {
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  tell(key: Key, value: Value): void {
    for (const listener of [...(this.#byKey.get(key) ?? [])]) listener(value);
  }
}

/** What is told has happened already: whoever fails to hear of it must not take along who told it. */
export const safely =
  <Values extends readonly unknown[]>(listener: (...values: Values) => void, log: Log): ((...values: Values) => void) =>
  (...values) => {
    try {
      listener(...values);
    } catch (error) {
      log.error({ err: error }, "a listener failed");
    }
  };
