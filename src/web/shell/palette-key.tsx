import { lazy, Suspense, useEffect, useRef, useState } from "react";
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
  return isOpen && <OpenPalette onClose={() => setOpen(false)} />;
};

/** Keeps what is typed until the palette is loaded, so that it neither is lost nor counts as shortcuts. */
const OpenPalette = ({ onClose }: { readonly onClose: () => void }) => {
  const typed = useRef("");
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (document.querySelector("dialog[open]") !== null || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") onClose();
      else if (event.key === "Backspace") typed.current = typed.current.slice(0, -1);
      else if (event.key.length === 1) typed.current += event.key;
      event.preventDefault();
      event.stopPropagation();
    };
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [onClose]);
  return (
    <Suspense fallback={null}>
      <Palette typed={typed} onClose={onClose} />
    </Suspense>
  );
};
