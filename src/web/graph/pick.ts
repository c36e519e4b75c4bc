import { createContext } from "react";

/** Which task of a graph is chosen, and what a choice does. */
export type Pick = { readonly picked: string | null; readonly onPick: (taskId: string) => void };

export const PickContext = createContext<Pick>({ picked: null, onPick: () => {} });
