import { ExternalStore, useStore } from "../data/external-store.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";

export type LogDisplay = {
  /** Whether each line begins with the time at which petit read it. */
  readonly hasTimes: boolean;
  /** Whether long lines are wrapped. */
  readonly isWrapped: boolean;
};

/** Stores how logs are displayed, until the page is closed. All runs share it. */
class LogDisplayStore extends ExternalStore<LogDisplay> {
  constructor() {
    super({ hasTimes: false, isWrapped: false });
  }

  readonly toggle = (name: keyof LogDisplay): void => this.set({ ...this.get(), [name]: !this.get()[name] });
}

const store = new LogDisplayStore();

export const useLogDisplay = () => {
  const { toggle } = store;
  useShortcut({ key: "t", what: "Log: show times", run: () => toggle("hasTimes") });
  useShortcut({ key: "w", what: "Log: wrap long lines", run: () => toggle("isWrapped") });
  return { display: useStore(store), toggle };
};
