import { useEffect, useRef } from "react";

type Shortcut = {
  /** A `KeyboardEvent.key`, such as `r`, `?` or `/`; or two keys that are pressed one after the other, such as `g j`. */
  readonly key: string;
  /** What it does, for the help: "Run this job". */
  readonly what: string;
  readonly run: () => void;
  /** False while the shortcut has nothing to act on. */
  readonly isOn?: boolean;
  /** True if it only moves the focus, so that it is no action of the palette. */
  readonly isMove?: boolean;
  /** True if a key that is held down repeats the action. */
  readonly doesRepeat?: boolean;
};

type ShortcutRef = { readonly current: Shortcut };

/** How long after the first of two keys the second one counts. */
const SECOND_KEY_MS = 1_500;

/** The shortcuts of all components on the page. A shortcut of a view takes precedence over one of the shell. */
class ShortcutRegistry {
  /** The newest first. */
  readonly #shortcuts: ShortcutRef[] = [];
  /** The first of two keys, and when it was pressed. */
  #firstKey = { key: "", at: Number.NEGATIVE_INFINITY };

  /** Adds a shortcut and returns a function that removes it. */
  add(shortcut: ShortcutRef): () => void {
    this.#shortcuts.unshift(shortcut);
    return () => void this.#shortcuts.splice(this.#shortcuts.indexOf(shortcut), 1);
  }

  /** Returns one shortcut per key: the one that takes precedence. */
  list(): readonly Shortcut[] {
    return [...new Map(this.#shortcuts.toReversed().map(({ current }) => [current.key, current])).values()];
  }

  /** Ignores keys with a modifier, in a field, or while a dialog is open. */
  readonly onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.composedPath()[0]) || document.querySelector("dialog[open]") !== null) return;
    const isSecond = event.timeStamp - this.#firstKey.at < SECOND_KEY_MS;
    const shortcut = (isSecond ? this.#find(`${this.#firstKey.key} ${event.key}`) : undefined) ?? this.#find(event.key);
    this.#firstKey = { key: event.key, at: shortcut === undefined ? event.timeStamp : Number.NEGATIVE_INFINITY };
    if (shortcut === undefined) return;
    event.preventDefault();
    if (event.repeat && shortcut.doesRepeat !== true) return;
    shortcut.run();
  };

  #find(key: string): Shortcut | undefined {
    return this.#shortcuts.find(({ current }) => current.key === key && current.isOn !== false)?.current;
  }
}

const registry = new ShortcutRegistry();

/** Returns the shortcuts that are available now, one per key. */
export const shortcuts = (): readonly Shortcut[] => registry.list();

/** Adds a shortcut while the component is mounted. The keyboard help lists it. */
export const useShortcut = (shortcut: Shortcut): void => {
  const newest = useRef(shortcut);
  useEffect(() => {
    newest.current = shortcut;
  });
  useEffect(() => registry.add(newest), []);
};

/** Listens for shortcuts on the whole page. Call it once. */
export const useKeyboard = (): void => {
  useEffect(() => {
    document.addEventListener("keydown", registry.onKeyDown);
    return () => document.removeEventListener("keydown", registry.onKeyDown);
  }, []);
};

/** `target` is where the event began: for the document, one in a shadow root begins at its host. */
const isTyping = (target: EventTarget | undefined): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Moves the focus by `step` among the `[data-row]` elements of the view. If none has the focus, the first or last gets it. */
export const moveRow = (step: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  const index = rows.findIndex((row) => row.contains(document.activeElement));
  const next = index === -1 ? rows.at(step === 1 ? 0 : -1) : rows[index + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

/** Focuses the `[data-search]` field of the view, or the one of the shell if the view has none. */
export const focusSearch = (): void => {
  const fields = [...document.querySelectorAll<HTMLInputElement>("[data-search]")];
  const field = fields.find((each) => each.closest("main") !== null) ?? fields[0];
  field?.focus();
  field?.select();
};
