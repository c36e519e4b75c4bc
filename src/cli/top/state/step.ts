import type { Effect } from "./message.ts";
import type { TopState } from "./state.ts";

/** A state, and what has to be done for it. */
export type Step = { readonly state: TopState; readonly effects: readonly Effect[] };

export const unchanged = (state: TopState): Step => ({ state, effects: [] });
