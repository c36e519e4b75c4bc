import { type RefObject, useRef } from "react";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { Button } from "./button.tsx";
import { counted } from "./text/format.ts";

/** From this number of tasks on, a list of them can be searched and filtered. */
export const MANY_TASKS = 12;

/** Which tasks a list shows. */
export type TaskFilter = { readonly text: string; readonly isFailed: boolean };

export const ALL_TASKS: TaskFilter = { text: "", isFailed: false };

type TaskFiltersProps = {
  readonly filter: TaskFilter;
  readonly onChange: (filter: TaskFilter) => void;
  /** Number of failures that the filter leaves. */
  readonly failures: number;
  /** Moves the focus to the next failure. */
  readonly onNext: () => void;
};

/** Searches tasks, leaves only those that failed, and goes from failure to failure. */
export const TaskFilters = ({ filter, onChange, failures, onNext }: TaskFiltersProps) => (
  <search className="row task-filters" aria-label="Filter of the tasks">
    <input
      type="search"
      aria-label="Filter tasks"
      placeholder="Filter tasks"
      value={filter.text}
      onChange={(event) => onChange({ ...filter, text: event.target.value })}
    />
    <label className="row">
      <input
        type="checkbox"
        checked={filter.isFailed}
        onChange={(event) => onChange({ ...filter, isFailed: event.target.checked })}
      />
      Only failures
    </label>
    <Button kind="quiet" disabled={failures === 0} onClick={onNext} title="Next failure (x)">
      Next failure <span aria-hidden="true">↓</span>
    </Button>
    <output className="muted">{failures === 0 ? "no failures" : counted(failures, "failure")}</output>
  </search>
);

/** Returns a function that focuses the next failure of a list, and after the last one the first. The key `x` does so, too. */
export const useNextFailure = (list: RefObject<HTMLElement | null>, selector: string): (() => void) => {
  const last = useRef<HTMLElement | null>(null);
  const next = (): void => {
    const failures = [...(list.current?.querySelectorAll<HTMLElement>(selector) ?? [])];
    const at = last.current === null ? -1 : failures.indexOf(last.current);
    const found = failures[(at + 1) % failures.length];
    if (found === undefined) return;
    last.current = found;
    found.focus();
    found.scrollIntoView({ block: "nearest" });
  };
  useShortcut({ key: "x", what: "Next failed task", run: next, isMove: true, doesRepeat: true });
  return next;
};
