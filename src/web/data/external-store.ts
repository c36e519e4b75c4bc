import { useSyncExternalStore } from "react";

/** A value that only its owner changes. Components read it with `useStore`. */
export abstract class ExternalStore<Value> {
  #value: Value;
  readonly #listeners = new Set<() => void>();

  constructor(initial: Value) {
    this.#value = initial;
  }

  readonly get = (): Value => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  protected set(value: Value): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }
}

/** Returns the value of a store and renders the component again when it changes. */
export const useStore = <Value>(store: ExternalStore<Value>): Value => useSyncExternalStore(store.subscribe, store.get);
