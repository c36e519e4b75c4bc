import { lazy, Suspense, useEffect, useState } from "react";
import { loadModule } from "../data/load-module.ts";

/** Loaded when it is first opened. */
const Palette = lazy(async () => ({
  default: await loadModule(async () => (await import("../palette/palette.tsx")).Palette),
}));

/** Opens the palette with Ctrl-K or ⌘K, also while a field has the focus, unless a dialog is open. */
export const PaletteKey = () => {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey)
        return;
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) setOpen(true);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  if (!isOpen) return null;
  return (
    <Suspense fallback={null}>
      <Palette onClose={() => setOpen(false)} />
    </Suspense>
  );
};
