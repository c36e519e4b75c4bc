import { createContext } from "react";

/** The selected task of a graph, and the callback that selects one. */
export type TaskSelection = { readonly selected: string | null; readonly onSelect: (taskId: string) => void };

export const SelectionContext = createContext<TaskSelection>({ selected: null, onSelect: () => {} });
