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
