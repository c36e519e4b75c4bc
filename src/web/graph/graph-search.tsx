import { useState } from "react";
import type { GraphTask } from "./graph-task.ts";

type GraphSearchProps = {
  readonly tasks: readonly GraphTask[];
  /** Receives the ids of the matching tasks, or null without a text. */
  readonly onMatches: (ids: ReadonlySet<string> | null) => void;
  /** Shows a task. */
  readonly onShow: (taskId: string) => void;
};

/** Finds tasks by name or id. Enter shows the next match. */
export const GraphSearch = ({ tasks, onMatches, onShow }: GraphSearchProps) => {
  const [text, setText] = useState("");
  const [current, setCurrent] = useState(-1);
  const found = matching(tasks, text);
  return (
    <search className="graph-search">
      <input
        type="search"
        aria-label="Find a task"
        placeholder="Find a task"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={({ target }) => {
          const next = target.value;
          setText(next);
          setCurrent(-1);
          onMatches(next.trim() === "" ? null : new Set(matching(tasks, next).map(({ id }) => id)));
        }}
        onKeyDown={({ key, shiftKey }) => {
          if (key !== "Enter" || found.length === 0) return;
          const next = (current + (shiftKey ? -1 : 1) + found.length) % found.length;
          setCurrent(next);
          const task = found[next];
          if (task !== undefined) onShow(task.id);
        }}
      />
      <span className="muted" role="status">
        {text.trim() !== "" && (current < 0 ? `${found.length} found` : `${current + 1} of ${found.length}`)}
      </span>
    </search>
  );
};

const matching = (tasks: readonly GraphTask[], text: string): readonly GraphTask[] => {
  const wanted = text.trim().toLowerCase();
  return wanted === "" ? [] : tasks.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted));
};
