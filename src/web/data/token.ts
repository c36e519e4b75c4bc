import { useSyncExternalStore } from "react";
import { readKept, writeKept } from "./kept.ts";

const KEY = "petit.token";

type TokenState = {
  readonly token: string | null;
  /** True while petit refuses what is asked for want of the right one. */
  readonly isWanted: boolean;
};

/** In this tab and until it is closed: session storage only. */
let state: TokenState = { token: readKept("session", KEY), isWanted: false };
const listeners = new Set<() => void>();

const change = (next: TokenState): void => {
  state = next;
  for (const tell of listeners) tell();
};

const subscribe = (tell: () => void): (() => void) => {
  listeners.add(tell);
  return () => void listeners.delete(tell);
};

export const currentToken = (): string | null => state.token;

/** petit wants a token, or another one than this. */
export const refuseToken = (): void => {
  if (!state.isWanted) change({ ...state, isWanted: true });
};

export const keepToken = (token: string): void => {
  writeKept("session", KEY, token);
  change({ token, isWanted: false });
};

export const useTokenState = (): TokenState => useSyncExternalStore(subscribe, () => state);
