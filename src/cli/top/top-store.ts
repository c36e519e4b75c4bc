import type { Effect, Message } from "./state/message.ts";
import type { TopState } from "./state/state.ts";
import { update } from "./state/update.ts";

export type StoreHandlers = {
  /** Does what the state can't do. */
  readonly perform: (effect: Effect) => void;
  /** Called after each change. */
  readonly changed: (state: TopState) => void;
};

/** Holds the state of the dashboard. Only messages change it. */
export class TopStore {
  #state: TopState;
  #handlers: StoreHandlers | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(state: TopState) {
    this.#state = state;
  }

  start(handlers: StoreHandlers): void {
    this.#handlers = handlers;
  }

  send(message: Message): void {
    const { state, effects } = update(this.#state, message);
    if (state !== this.#state) {
      this.#state = state;
      this.#handlers?.changed(state);
      for (const listener of this.#listeners) listener();
    }
    for (const effect of effects) this.#handlers?.perform(effect);
  }

  readonly current = (): TopState => this.#state;

  /** Calls `listener` after each change. Returns a function that ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
}
