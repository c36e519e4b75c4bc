import { useSyncExternalStore } from "react";

/** What became of something that somebody did here. */
export type Notice = {
  readonly id: number;
  readonly text: string;
  /** Of what failed: it stays until it is dismissed. */
  readonly error?: unknown;
  /** Where to see more. */
  readonly link?: { readonly href: string; readonly text: string };
};

const MAX_NOTICES = 4;
const SHOWN_MS = 6_000;

let notices: readonly Notice[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

const change = (next: readonly Notice[]): void => {
  notices = next;
  for (const each of listeners) each();
};

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Shows a notice in the corner, and reads it to those who can't see it. Told again, it replaces the one of the same text. */
export const tell = (notice: Omit<Notice, "id">): void => {
  const id = ++lastId;
  const others = notices.filter(({ text }) => text !== notice.text);
  change([...others, { ...notice, id }].slice(-MAX_NOTICES));
  if (notice.error === undefined) setTimeout(() => dismiss(id), SHOWN_MS);
};

export const dismiss = (id: number): void => change(notices.filter((notice) => notice.id !== id));

export const useNotices = (): readonly Notice[] => useSyncExternalStore(subscribe, () => notices);
