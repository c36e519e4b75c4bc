import { Link } from "wouter";
import type { TaskRunData } from "../data/shapes.ts";
import { RunLink } from "../ui/links.tsx";

/** Returns the tasks of a run that started runs of other jobs. */
export const tasksWithChildren = (tasks: readonly TaskRunData[]): readonly TaskRunData[] =>
  tasks.filter(
    ({ runs_job, child_run_id, items }) => runs_job !== null && (child_run_id !== null || (items?.total ?? 0) > 0),
  );

/** The runs that the tasks of a run started. Those of items are in the list of items. */
export const ChildRuns = ({ runId, tasks }: { readonly runId: string; readonly tasks: readonly TaskRunData[] }) => (
  <ul className="run-children">
    {tasksWithChildren(tasks).map(({ task_id, runs_job, child_run_id }) => (
      <li key={task_id} data-child-of={task_id}>
        {child_run_id === null ? (
          <Link href={`/runs/${runId}?tab=items&task=${encodeURIComponent(task_id)}`}>one for each item</Link>
        ) : (
          <RunLink id={child_run_id} />
        )}{" "}
        <span className="muted">
          {runs_job?.job_id}, task {task_id}
        </span>
      </li>
    ))}
  </ul>
);
