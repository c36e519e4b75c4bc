import { ExternalStore, useStore } from "../data/external-store.ts";
import { readStored, writeStored } from "../data/stored-preference.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { useMedia } from "../ui/use-media.ts";

export type LogDisplay = {
  /** Whether each line begins with the time at which petit read it. */
  readonly hasTimes: boolean;
  /** Whether long lines are wrapped. */
  readonly isWrapped: boolean;
};

type ChosenDisplay = Pick<LogDisplay, "hasTimes"> & {
  /** Null until the user chooses: then lines are wrapped on a narrow screen. */
  readonly isWrapped: boolean | null;
};

const WRAP_KEY = "petit.log-wrap";

/** Stores how logs are displayed: times until the page is closed, wrapping permanently. All runs share it. */
class LogDisplayStore extends ExternalStore<ChosenDisplay> {
  constructor() {
    const stored = readStored("local", WRAP_KEY);
    super({ hasTimes: false, isWrapped: stored === null ? null : stored === "on" });
  }

  readonly showTimes = (hasTimes: boolean): void => this.set({ ...this.get(), hasTimes });

  readonly wrap = (isWrapped: boolean): void => {
    writeStored("local", WRAP_KEY, isWrapped ? "on" : "off");
    this.set({ ...this.get(), isWrapped });
  };
}

const store = new LogDisplayStore();

/** Up to this width, lines are wrapped unless the user has chosen otherwise: the log has at most half of it. */
const NARROW = "(max-width: 1200px)";

export const useLogDisplay = () => {
  const isNarrow = useMedia(NARROW);
  const { hasTimes, isWrapped: chosen } = useStore(store);
  const isWrapped = chosen ?? isNarrow;
  const toggleTimes = (): void => store.showTimes(!hasTimes);
  const toggleWrap = (): void => store.wrap(!isWrapped);
  useShortcut({ key: "t", what: "Log: show times", run: toggleTimes });
  useShortcut({ key: "w", what: "Log: wrap long lines", run: toggleWrap });
  return { display: { hasTimes, isWrapped } satisfies LogDisplay, toggleTimes, toggleWrap };
};
