import { useCallback, useState } from "react";
import { useShortcut } from "../keyboard/shortcuts.ts";

export type LogLook = {
  /** Whether each line begins with the time it was seen. */
  readonly hasTimes: boolean;
  /** Whether long lines go on in the next row. */
  readonly isWrapped: boolean;
};

/** Kept while the page is open, from run to run. */
let kept: LogLook = { hasTimes: false, isWrapped: false };

export const useLogLook = () => {
  const [look, setLook] = useState(kept);
  const toggle = useCallback((name: keyof LogLook): void => {
    kept = { ...kept, [name]: !kept[name] };
    setLook(kept);
  }, []);
  useShortcut({ key: "t", what: "Log: times", run: () => toggle("hasTimes") });
  useShortcut({ key: "w", what: "Log: wrap long lines", run: () => toggle("isWrapped") });
  return { look, toggle };
};
