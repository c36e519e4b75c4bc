import { useQuery } from "@tanstack/react-query";
import type { LogFilter } from "../data/lines.ts";
import { runItemsQuery } from "../data/queries.ts";
import type { TaskRunData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";

type FiltersProps = {
  readonly runId: string;
  readonly tasks: readonly TaskRunData[];
  readonly filter: LogFilter;
  readonly onChange: (name: keyof LogFilter, value: string) => void;
};

/** Filters the lines by task, attempt and stream. */
export const LogFilters = ({ runId, tasks, filter, onChange }: FiltersProps) => {
  const item = useItem(runId, filter);
  const attempts =
    (filter.item === undefined ? tasks.find(({ task_id }) => task_id === filter.task) : item)?.attempts ?? 0;
  return (
    <div className="log-filters">
      {tasks.length > 1 && (
        <select aria-label="Task" value={filter.task ?? ""} onChange={(event) => onChange("task", event.target.value)}>
          <option value="">All tasks</option>
          {tasks.map(({ task_id, name }) => (
            <option key={task_id} value={task_id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {filter.item !== undefined && (
        <Button kind="quiet" className="log-item" title="Show all items" onClick={() => onChange("item", "")}>
          <span className="mono">{item?.key ?? `item ${filter.item}`}</span> <span aria-hidden="true">×</span>
          <span className="visually-hidden">: show all items</span>
        </Button>
      )}
      {attempts > 1 && (
        <select
          aria-label="Attempt"
          value={filter.attempt ?? ""}
          onChange={(event) => onChange("attempt", event.target.value)}
        >
          <option value="">All attempts</option>
          {numbersTo(attempts).map((attempt) => (
            <option key={attempt} value={attempt}>
              Attempt {attempt}
            </option>
          ))}
        </select>
      )}
      <select
        aria-label="Stream"
        value={filter.stream ?? ""}
        onChange={(event) => onChange("stream", event.target.value)}
      >
        <option value="">Both streams</option>
        <option value="stdout">stdout</option>
        <option value="stderr">stderr</option>
      </select>
    </div>
  );
};

/** The item whose lines are shown. */
const useItem = (runId: string, { task, item }: LogFilter) =>
  useQuery({
    ...runItemsQuery({ runId, taskId: task ?? "", status: null, from: item ?? 0, limit: 1 }),
    enabled: task !== undefined && item !== undefined,
  }).data?.items[0];

const numbersTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
