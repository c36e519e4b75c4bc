import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { LogFilter } from "../data/lines.ts";

/**
 * Reads and changes the log filter in the URL: `?task=load&item=7&attempt=2&stream=stderr`. Without a task in the URL, the lines of
 * `defaultTask` are shown; with an empty one, those of all tasks.
 */
export const useLogFilter = (defaultTask: string | null) => {
  const [query, setQuery] = useSearchParams();
  const [given, item, attempt, stream] = ["task", "item", "attempt", "stream"].map((name) => query.get(name));
  const task = given ?? defaultTask;
  const filter = useMemo(() => filterOf({ task, item, attempt, stream }), [task, item, attempt, stream]);
  const change = useCallback(
    (name: keyof LogFilter, value: string): void =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before);
          if (name === "task" || name === "item") next.delete("attempt");
          if (name === "task") next.delete("item");
          if (value === "" && !(name === "task" && defaultTask !== null)) next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [setQuery, defaultTask],
  );
  return { filter, change };
};

type Texts = { readonly [Name in keyof LogFilter]: string | null | undefined };

const filterOf = ({ task, item, attempt, stream }: Texts): LogFilter => ({
  ...(task == null || task === "" ? {} : { task }),
  // An item belongs to a task.
  ...(task != null && task !== "" && item != null && /^\d{1,3}$/.test(item) ? { item: Number(item) } : {}),
  ...(attempt != null && /^[1-9]\d{0,5}$/.test(attempt) ? { attempt: Number(attempt) } : {}),
  ...(stream === "stdout" || stream === "stderr" ? { stream } : {}),
});
