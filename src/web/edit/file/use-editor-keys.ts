import { useEffect, useRef } from "react";

type KeyActions = {
  /** True while the dialog that saves is open. While another one is, the keys do nothing. */
  readonly isReviewing: boolean;
  readonly onSave: () => void;
  readonly onStep: (by: 1 | -1) => void;
};

/** The keys of the editor, also while its text has no focus: Ctrl-S or ⌘S, F8 and Shift-F8. */
export const useEditorKeys = (actions: KeyActions): void => {
  const newest = useRef(actions);
  newest.current = actions;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (!isSaveKey(event) && event.key !== "F8") return;
      event.preventDefault();
      const { isReviewing, onSave, onStep } = newest.current;
      const hasDialog = document.querySelector("dialog[open]") !== null;
      if (event.repeat || (hasDialog && !isReviewing)) return;
      if (isSaveKey(event)) onSave();
      else if (!hasDialog) onStep(event.shiftKey ? -1 : 1);
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
};

const isSaveKey = ({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean =>
  key.toLowerCase() === "s" && (ctrlKey || metaKey) && !altKey && !shiftKey;
