import { createContext } from "react";

/** What the nodes of a graph need to know and to call. */
export type GraphActions = {
  /** Id of the selected task. */
  readonly selected: string | null;
  readonly onSelect: (taskId: string) => void;
  /** Shows the tasks of a group, given the id of its first task. */
  readonly onExpand: (groupId: string) => void;
  /** Ids of the tasks that the search found; null without a search. */
  readonly matches: ReadonlySet<string> | null;
};

export const GraphActionsContext = createContext<GraphActions>({
  selected: null,
  onSelect: () => {},
  onExpand: () => {},
  matches: null,
});
