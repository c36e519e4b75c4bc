import { useEffect, useRef } from "react";

export type Shortcut = {
  /** As `KeyboardEvent.key` says it, `r`, `?`, `/`; or two, one after the other: `g j`. */
  readonly key: string;
  /** What it does, for the help: "Run this job". */
  readonly what: string;
  readonly run: () => void;
  /** False while it would do nothing. */
  readonly isOn?: boolean;
  /** True where a key that is held down does it again and again. */
  readonly doesRepeat?: boolean;
};

type Registered = { readonly current: Shortcut };

/** Those of what is shown, the newest first: a view's own wins over the shell's. */
const registered: Registered[] = [];

/** Each key once. */
export const shortcuts = (): readonly Shortcut[] => [
  ...new Map(registered.toReversed().map(({ current }) => [current.key, current])).values(),
];

/** Has a key do something for as long as the component is there; the help lists it. */
export const useShortcut = (shortcut: Shortcut): void => {
  const newest = useRef(shortcut);
  useEffect(() => {
    newest.current = shortcut;
  });
  useEffect(() => {
    registered.unshift(newest);
    return () => void registered.splice(registered.indexOf(newest), 1);
  }, []);
};

/** Listens for the page as a whole. Keys that are typed into a field, or with a modifier, are not for it. */
export const useKeyboard = (): void => {
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
};

/** How long the second of two keys may take. */
const SECOND_KEY_MS = 1_500;

/** The first of two keys, and when it was pressed. */
let first = { key: "", at: Number.NEGATIVE_INFINITY };

const onKey = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return;
  const isSecond = event.timeStamp - first.at < SECOND_KEY_MS;
  const shortcut = (isSecond ? find(`${first.key} ${event.key}`) : undefined) ?? find(event.key);
  first = { key: event.key, at: shortcut === undefined ? event.timeStamp : Number.NEGATIVE_INFINITY };
  if (shortcut === undefined) return;
  event.preventDefault();
  if (event.repeat && shortcut.doesRepeat !== true) return;
  shortcut.run();
};

const find = (key: string): Shortcut | undefined =>
  registered.find(({ current }) => current.key === key && current.isOn !== false)?.current;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Moves the focus among the `[data-row]` of the view by `step`; from none, to the first or last. */
export const moveRow = (step: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at === -1 ? rows.at(step === 1 ? 0 : -1) : rows[at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

/** The view's own `[data-search]`, else the shell's. */
export const focusSearch = (): void => {
  const fields = [...document.querySelectorAll<HTMLInputElement>("[data-search]")];
  const field = fields.find((each) => each.closest("main") !== null) ?? fields[0];
  field?.focus();
  field?.select();
};
