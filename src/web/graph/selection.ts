import { createContext } from "react";

/** Which task of a graph is chosen, and what a choice does. */
export type TaskSelection = { readonly selected: string | null; readonly onSelect: (taskId: string) => void };

export const SelectionContext = createContext<TaskSelection>({ selected: null, onSelect: () => {} });
