import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { isFinal } from "../../domain/run.ts";
import { decisiveLine } from "../../domain/words/run.ts";
import { useLiveEvents } from "../data/live/connection.tsx";
import { jobQuery, runQuery, runTasksQuery } from "../data/queries.ts";
import { useHasWorkers } from "../data/selected.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { causesOf } from "../log/cause.ts";
import { Log } from "../log/log.tsx";
import { RunLink } from "../ui/links.tsx";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { failingTask } from "./failing-task.ts";
import { MachineNote } from "./machines.tsx";
import "./run.css";
import { RunActions } from "./run-actions.tsx";
import { RunApprovals } from "./run-approvals.tsx";
import { RunBench } from "./run-bench.tsx";
import { RunFailure } from "./run-failure.tsx";
import { RunSummary } from "./run-summary.tsx";

const WAITING_REFETCH_MS = 2_000;

/** Shows why a run failed, and its graph, tasks, params and outputs beside its log. */
export const RunView = ({ runId }: { readonly runId: string }) => {
  const run = useQuery({
    ...runQuery(runId),
    // No event of this run reports that others before it have started.
    refetchInterval: ({ state }) => (state.data?.waits_for == null ? false : WAITING_REFETCH_MS),
  });
  const hasWorkers = useHasWorkers();
  const tasks = useQuery({
    ...runTasksQuery(runId),
    // No event reports that a task begins to wait for a worker.
    refetchInterval: hasWorkers && run.data !== undefined && !isFinal(run.data.status) ? WAITING_REFETCH_MS : false,
  });
  const jobId = run.data?.job_id;
  const job = useQuery({ ...jobQuery(jobId ?? ""), enabled: jobId !== undefined });
  const shortId = runId.slice(-8);
  const title = jobId === undefined ? `Run ${shortId}` : `${job.data?.name ?? jobId}, run ${shortId}`;
  const [query] = useSearchParams();
  const selectedTask = query.get("task") || null;
  useEndingRefresh(runId);
  useRecoveryRefresh(run.data);
  return (
    <Page
      isWide
      isFilling
      title={title}
      lead={
        jobId !== undefined && (
          <>
            Job <Link href={`/jobs/${jobId}`}>{jobId}</Link>
          </>
        )
      }
      actions={
        run.data !== undefined && (
          <RunActions run={run.data} name={job.data?.name ?? run.data.job_id} taskId={selectedTask} />
        )
      }
    >
      <Loaded query={run} what="the run">
        {(found) => (
          <Loaded query={tasks} what="the tasks">
            {(list) => <Parts run={found} tasks={list.tasks} title={title} />}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
};

/** Refreshes the run when a task is ended: no event reports that a run is being cancelled. */
const useEndingRefresh = (runId: string): void => {
  const client = useQueryClient();
  useLiveEvents(({ type, run_id, reason }) => {
    if (type !== "task.finished" || run_id !== runId || reason === undefined) return;
    void client.invalidateQueries({ queryKey: runQuery(runId).queryKey });
  });
};

/** Refreshes a run that failed when a later one of its job completes. */
const useRecoveryRefresh = (run: RunDetail | undefined): void => {
  const client = useQueryClient();
  useLiveEvents(({ type, run_id, job_id, status }) => {
    if (run === undefined || type !== "run.finished" || status !== "completed") return;
    if (job_id !== run.job_id || run_id === run.id || !isFinal(run.status) || run.status === "completed") return;
    void client.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
  });
};

type PartsProps = { readonly run: RunDetail; readonly tasks: readonly TaskRunData[]; readonly title: string };

const Parts = ({ run, tasks, title }: PartsProps) => {
  const { data: job } = useQuery(jobQuery(run.job_id));
  // A run that fails while it is open keeps showing what it showed.
  const [defaultTask] = useState(() => (run.status === "failed" ? (failingTask(run, tasks)?.task_id ?? null) : null));
  const { selected, select } = useSelectedTask(defaultTask);
  const causes = useMemo(() => causesOf(run, tasks), [run, tasks]);
  return (
    <>
      <RunSummary run={run} tasks={tasks} timezone={job?.timezone ?? null}>
        <RunApprovals run={run} tasks={tasks} name={job?.name ?? run.job_id} />
        <RunFailure run={run} tasks={tasks} onSelect={select} />
      </RunSummary>
      <RunBench run={run} tasks={tasks} selected={selected} onSelect={select}>
        <Log
          runId={run.id}
          title={title}
          tasks={tasks}
          causes={causes}
          summaryLine={run.failure === null ? null : (decisiveLine<{ readonly seq: number }>(run.failure)?.seq ?? null)}
          from={run.status === "completed" ? "start" : "end"}
          defaultTask={defaultTask}
          note={<TaskNotes task={tasks.find(({ task_id }) => task_id === selected)} />}
        />
      </RunBench>
    </>
  );
};

const TaskNotes = ({ task }: { readonly task: TaskRunData | undefined }) => (
  <>
    <ChildRunNote task={task} />
    <MachineNote task={task} />
  </>
);

/** Leads to the run that the selected task started: such a task has no output. */
const ChildRunNote = ({ task }: { readonly task: TaskRunData | undefined }) =>
  task?.runs_job != null && (
    <p className="run-child-note" data-child-note={task.task_id}>
      <strong>{task.name}</strong> runs the job{" "}
      <Link href={`/jobs/${task.runs_job.job_id}`}>{task.runs_job.job_id}</Link>
      {task.child_run_id !== null && (
        <>
          : run <RunLink id={task.child_run_id} />
        </>
      )}
    </p>
  );

/** The task whose log is shown: `?task=`, or the one that failed. Selecting it again shows all tasks. */
const useSelectedTask = (defaultTask: string | null) => {
  const [query, setQuery] = useSearchParams();
  const selected = (query.get("task") ?? defaultTask) || null;
  const select = useCallback(
    (taskId: string): void =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before);
          const isSelected = (next.get("task") ?? defaultTask) === taskId;
          next.delete("attempt");
          next.delete("item");
          if (!isSelected) next.set("task", taskId);
          else if (defaultTask === null) next.delete("task");
          else next.set("task", "");
          return next;
        },
        { replace: true },
      ),
    [setQuery, defaultTask],
  );
  return { selected, select };
};
