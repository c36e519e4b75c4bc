import { type RefObject, useEffect, useState } from "react";
import { useShortcut } from "../keyboard/shortcuts.ts";

/** Lets an element fill the window. Meanwhile nothing else on the page can get the focus, but for what opens above it. */
export const useFullScreen = (element: RefObject<HTMLElement | null>) => {
  const [isFull, setFull] = useState(false);
  useEffect(() => (isFull && element.current !== null ? coverOthers(element.current) : undefined), [isFull, element]);
  const toggle = (): void => setFull(!isFull);
  useShortcut({ key: "f", what: "Log: full screen", run: toggle });
  return { isFull, toggle };
};

/** Makes everything outside an element inert, but for the notices. Returns a function that undoes it. */
const coverOthers = (element: HTMLElement): (() => void) => {
  const covered: HTMLElement[] = [];
  for (let each = element; each !== document.body && each.parentElement !== null; each = each.parentElement) {
    for (const sibling of each.parentElement.children) {
      if (sibling === each || !(sibling instanceof HTMLElement) || sibling.inert || sibling.matches("[aria-live]"))
        continue;
      sibling.inert = true;
      covered.push(sibling);
    }
  }
  return () => {
    for (const each of covered) each.inert = false;
  };
};
