import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useRetryRun } from "../data/actions.ts";
import { runQuery, runTasksQuery } from "../data/queries.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { failingTask } from "../run/failing-task.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText, Loading } from "../ui/states.tsx";
import { counted, listText } from "../ui/text/format.ts";
import "./actions.css";
import { CommitChoice, Option } from "./commit-choice.tsx";
import { type RerunChoice, rerunTasks } from "./retry-plan.ts";

type RetryDialogProps = {
  readonly runId: string;
  /** Name of the job. */
  readonly name: string;
  /** The task to offer first; by default the one that failed. */
  readonly taskId?: string | null;
  readonly onClose: () => void;
};

/** Asks which tasks of a run to run again, starts the retry, and opens the new run. */
export const RetryDialog = ({ runId, name, taskId = null, onClose }: RetryDialogProps) => {
  const run = useQuery(runQuery(runId));
  const tasks = useQuery(runTasksQuery(runId));
  const error = run.error ?? tasks.error;
  return (
    <Dialog title={`Retry ${name}, run ${runId.slice(-8)}`} onClose={onClose}>
      {run.data !== undefined && tasks.data !== undefined ? (
        <RetryForm run={run.data} tasks={tasks.data.tasks} taskId={taskId} onClose={onClose} />
      ) : error === null ? (
        <Loading what="the run" />
      ) : (
        <p role="alert">{failureText(error)}</p>
      )}
    </Dialog>
  );
};

type RetryFormProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  readonly taskId: string | null;
  readonly onClose: () => void;
};

const KINDS = ["rest", "task", "from", "all"] as const;
type Kind = (typeof KINDS)[number];

const RetryForm = ({ run, tasks, taskId, onClose }: RetryFormProps) => {
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const { mutate, isPending } = useRetryRun({ isFailureShown: true });
  const first = taskId ?? failingTask(run, tasks)?.task_id ?? tasks[0]?.task_id ?? "";
  const [kind, setKind] = useState<Kind>(run.can_retry ? "rest" : "from");
  const [chosen, setChosen] = useState(first);
  const [isLatest, setLatest] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("[type=submit]")?.focus(), []);
  const scope: RerunChoice = kind === "task" || kind === "from" ? { kind, taskId: chosen } : { kind };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setProblem(null);
    mutate(
      { runId: run.id, scope, isLatest },
      {
        onSuccess: ({ run_id }) => {
          // No event reports that a run was retried.
          void client.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
          onClose();
          navigate(`/runs/${run_id}`);
        },
        onError: (error) => setProblem(failureText(error)),
      },
    );
  };
  return (
    <form ref={form} className="dialog-form" onSubmit={submit}>
      {tasks.length > 1 && (
        <fieldset className="retry-scopes">
          <legend className="visually-hidden">Tasks to run again</legend>
          {KINDS.filter((each) => each !== "rest" || run.can_retry).map((each) => (
            <Option
              key={each}
              name="scope"
              text={SCOPE_TEXT[each]}
              isChosen={each === kind}
              onChoose={() => setKind(each)}
            />
          ))}
          {(kind === "task" || kind === "from") && (
            <select aria-label="Task to run again" value={chosen} onChange={({ target }) => setChosen(target.value)}>
              {tasks.map(({ task_id, name, status }) => (
                <option key={task_id} value={task_id}>
                  {name}, {status}
                </option>
              ))}
            </select>
          )}
        </fieldset>
      )}
      {run.commit != null && <CommitChoice commits={[run.commit]} isLatest={isLatest} onChoose={setLatest} />}
      <p role="status">{planText(tasks, scope)}</p>
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Close</Button>
        <Button isOnce kind="primary" type="submit" isBusy={isPending}>
          Retry
        </Button>
      </div>
    </form>
  );
};

const SCOPE_TEXT = {
  rest: "What did not complete",
  task: "One task, and what did not complete after it",
  from: "A task and everything after it",
  all: "All tasks",
} as const satisfies Record<Kind, string>;

const planText = (tasks: readonly TaskRunData[], scope: RerunChoice): string => {
  const rerun = rerunTasks(tasks, scope);
  const kept = tasks.length - rerun.length;
  const what = `A new run with the same params runs ${listText(rerun.map(({ name }) => name))}`;
  return `${what}${kept === 0 ? "" : ` and keeps ${kept === 1 ? "the result" : "the results"} of ${counted(kept, "task")}`}.`;
};
