import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { LogFilter } from "./book/line.ts";

/**
 * Reads and changes the log filter in the URL: `?task=load&attempt=2&stream=stderr`. Without a task in the URL, the lines of
 * `defaultTask` are shown; with an empty one, those of all tasks.
 */
export const useLogFilter = (defaultTask: string | null) => {
  const [query, setQuery] = useSearchParams();
  const [given, attempt, stream] = ["task", "attempt", "stream"].map((name) => query.get(name));
  const task = given ?? defaultTask;
  const filter = useMemo(() => filterOf({ task, attempt, stream }), [task, attempt, stream]);
  const change = useCallback(
    (name: keyof LogFilter, value: string): void =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before);
          if (name === "task") next.delete("attempt");
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

const filterOf = ({ task, attempt, stream }: Texts): LogFilter => ({
  ...(task == null || task === "" ? {} : { task }),
  ...(attempt != null && /^[1-9]\d{0,5}$/.test(attempt) ? { attempt: Number(attempt) } : {}),
  ...(stream === "stdout" || stream === "stderr" ? { stream } : {}),
});
