import { useRef } from "react";

export type SteadyRow<Run> = { readonly run: Run; readonly isEnded: boolean };

/** Returns the rows of a list whose rows do not move: those that ended keep their place, and new ones are added at the end. */
export const steadyRows = <Run extends { readonly id: string }>(
  before: readonly SteadyRow<Run>[],
  runs: readonly Run[],
): readonly SteadyRow<Run>[] => {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const kept = before.map(({ run }) => ({ run: byId.get(run.id) ?? run, isEnded: !byId.has(run.id) }));
  const known = new Set(before.map(({ run }) => run.id));
  return [...kept, ...runs.filter(({ id }) => !known.has(id)).map((run) => ({ run, isEnded: false }))];
};

/** Returns the rows of a list of runs, which do not move while `isHeld`, so that a click hits what was under the pointer. */
export const useSteadyRows = <Run extends { readonly id: string }>(
  runs: readonly Run[],
  isHeld: boolean,
): readonly SteadyRow<Run>[] => {
  const before = useRef<readonly SteadyRow<Run>[]>([]);
  const rows = isHeld ? steadyRows(before.current, runs) : runs.map((run) => ({ run, isEnded: false }));
  before.current = rows;
  return rows;
};
