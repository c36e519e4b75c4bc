import { useSyncExternalStore } from "react";

/** One timer for all components that show the current time. It stops while no component uses it. */
class SecondClock {
  #now = Date.now();
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === null) this.#schedule();
    return () => void this.#listeners.delete(listener);
  };

  readonly now = (): number => {
    // A stopped clock is behind.
    if (this.#timer === null) this.#now = Math.max(this.#now, Date.now() - (Date.now() % 1000));
    return this.#now;
  };

  #schedule(): void {
    this.#timer = setTimeout(() => this.#tick(), 1000 - (Date.now() % 1000));
  }

  #tick(): void {
    this.#now = Date.now();
    for (const listener of this.#listeners) listener();
    this.#timer = null;
    if (this.#listeners.size > 0) this.#schedule();
  }
}

const clock = new SecondClock();

/** Returns the time in ms since the Unix epoch, as of the last full second. Renders the component again each second. */
export const useNow = (): number => useSyncExternalStore(clock.subscribe, clock.now);
