import { Link } from "wouter";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { noteText } from "../../domain/words/worker.ts";
import type { AttemptData, ItemData, TaskRunData } from "../data/shapes.ts";
import { Time } from "../ui/time/time.tsx";

/** Returns the worker of the last attempt; null if there is no attempt, or if it ran on petit's own machine. */
export const workerOf = ({ attempt_list }: Pick<TaskRunData | ItemData, "attempt_list">): string | null =>
  attempt_list.at(-1)?.worker ?? null;

/** Returns the workers that ran attempts of a run. */
const workersOf = (tasks: readonly TaskRunData[]): readonly string[] => [
  ...new Set(tasks.flatMap(({ workers }) => workers)),
];

const WorkerLink = ({ name }: { readonly name: string }) => <Link href={`/workers#${name}`}>{name}</Link>;

/** The workers that ran attempts of a run; nothing if all of them ran on petit's own machine. */
export const RanOn = ({ tasks }: { readonly tasks: readonly TaskRunData[] }) =>
  workersOf(tasks).map((name, index) => (
    <span key={name}>
      {index > 0 && ", "}
      <WorkerLink name={name} />
    </span>
  ));

export const hasRanOn = (tasks: readonly TaskRunData[]): boolean => workersOf(tasks).length > 0;

/** Says where the selected task runs, or which worker it waits for. */
export const MachineNote = ({ task }: { readonly task: TaskRunData | undefined }) => {
  if (task === undefined) return null;
  if (task.waits_for !== null)
    return (
      <p className="run-child-note" data-waits={task.task_id}>
        <strong>{task.name}</strong> waits for {waitsForText(task.waits_for)}.
      </p>
    );
  const attempts = task.attempt_list.filter(({ worker }) => worker !== null);
  if (attempts.length === 0) return null;
  return (
    <p className="run-child-note" data-machine={task.task_id}>
      {attempts.map((attempt, index) => (
        <span key={attempt.attempt}>
          {index > 0 && "; "}
          <Where attempt={attempt} isOnly={attempts.length === 1} name={task.name} />
        </span>
      ))}
    </p>
  );
};

type WhereProps = { readonly attempt: AttemptData; readonly isOnly: boolean; readonly name: string };

const Where = ({ attempt: { attempt, status, worker, notes }, isOnly, name }: WhereProps) => (
  <>
    {isOnly ? <strong>{name}</strong> : `attempt ${attempt}`} {status === "running" ? "runs" : "ran"} on{" "}
    {worker !== null && <WorkerLink name={worker} />}
    {notes.map((note) => (
      <span key={note.at}>
        {" "}
        (<Time at={note.at} isFocusable={false} />: {noteText(note)})
      </span>
    ))}
  </>
);
