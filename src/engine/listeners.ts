import type { Log } from "../lib/log.ts";

/** Listeners by key. */
export class Listeners<Key, Value> {
  readonly #byKey = new Map<Key, Set<(value: Value) => void>>();

  /** Adds a listener. Returns a function that removes it. */
  add(key: Key, listener: (value: Value) => void): () => void {
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  emit(key: Key, value: Value): void {
    for (const listener of [...(this.#byKey.get(key) ?? [])]) listener(value);
  }
}

/** Wraps a listener so that its errors are logged and never reach the emitter. */
export const catchErrors =
  <Values extends readonly unknown[]>(listener: (...values: Values) => void, log: Log): ((...values: Values) => void) =>
  (...values) => {
    try {
      listener(...values);
    } catch (error) {
      log.error({ err: error }, "a listener failed");
    }
  };
