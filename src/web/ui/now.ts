import { useSyncExternalStore } from "react";

/** One timer a second for everything on the page that counts; it rests while nobody looks. */
let now = Date.now();
let timer: ReturnType<typeof setTimeout> | null = null;
const listeners = new Set<() => void>();

const tick = (): void => {
  now = Date.now();
  for (const tell of listeners) tell();
  timer = listeners.size === 0 ? null : setTimeout(tick, 1000 - (Date.now() % 1000));
};

const subscribe = (tell: () => void): (() => void) => {
  listeners.add(tell);
  if (timer === null) timer = setTimeout(tick, 1000 - (Date.now() % 1000));
  return () => void listeners.delete(tell);
};

const current = (): number => {
  // While nothing counts, the clock has stopped.
  if (timer === null) now = Math.max(now, Date.now() - (Date.now() % 1000));
  return now;
};

/** Ms since the epoch, as of the last full second; what uses it is drawn anew each second. */
export const useNow = (): number => useSyncExternalStore(subscribe, current);
