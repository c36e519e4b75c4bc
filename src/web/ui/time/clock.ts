import { useSyncExternalStore } from "react";
import { petitNow } from "../../data/petit-time.ts";

/** One timer for all components that show the current time. It stops while no component uses it. */
class SecondClock {
  #now = petitNow();
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === null) this.#schedule();
    return () => void this.#listeners.delete(listener);
  };

  readonly now = (): number => {
    // A stopped clock is behind, or ahead if the clock was set back since.
    if (this.#timer === null) this.#now = 1000 * Math.floor(petitNow() / 1000);
    return this.#now;
  };

  #schedule(): void {
    this.#timer = setTimeout(() => this.#tick(), 1000 - (petitNow() % 1000));
  }

  #tick(): void {
    this.#now = petitNow();
    for (const listener of this.#listeners) listener();
    this.#timer = null;
    if (this.#listeners.size > 0) this.#schedule();
  }
}

const clock = new SecondClock();

/** Returns the time by petit's clock in ms since the Unix epoch, as of the last full second. Renders the component again each second. */
export const useNow = (): number => useSyncExternalStore(clock.subscribe, clock.now);
