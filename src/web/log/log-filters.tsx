import type { TaskRunData } from "../data/shapes.ts";
import type { LogFilter } from "./book/line.ts";

type FiltersProps = {
  readonly tasks: readonly TaskRunData[];
  readonly filter: LogFilter;
  readonly onChange: (name: keyof LogFilter, value: string) => void;
};

/** Filters the lines by task, attempt and stream. */
export const LogFilters = ({ tasks, filter, onChange }: FiltersProps) => {
  const attempts = tasks.find(({ task_id }) => task_id === filter.task)?.attempts ?? 0;
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

const numbersTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
