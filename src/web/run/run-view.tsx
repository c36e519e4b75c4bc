import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { Link, useSearchParams } from "wouter";
import { useLiveEvents } from "../data/live/connection.tsx";
import { jobQuery, runQuery, runTasksQuery } from "../data/queries.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { Graph } from "../graph/graph.tsx";
import { Log } from "../log/log.tsx";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { Gantt } from "./gantt/gantt.tsx";
import { graphTask } from "./graph-tasks.ts";
import "./run.css";
import { RunActions } from "./run-actions.tsx";
import { RunSummary } from "./run-summary.tsx";
import { RunValues } from "./run-values.tsx";

/** Shows the state, graph, Gantt chart, params, outputs and log of a run. */
export const RunView = ({ runId }: { readonly runId: string }) => {
  const run = useQuery(runQuery(runId));
  const tasks = useQuery(runTasksQuery(runId));
  const jobId = run.data?.job_id;
  const job = useQuery({ ...jobQuery(jobId ?? ""), enabled: jobId !== undefined });
  const shortId = runId.slice(-8);
  useEndingRefresh(runId);
  return (
    <Page
      title={jobId === undefined ? `Run ${shortId}` : `${job.data?.name ?? jobId}, run ${shortId}`}
      lead={
        jobId !== undefined && (
          <>
            Job <Link href={`/jobs/${jobId}`}>{jobId}</Link>
          </>
        )
      }
      actions={run.data !== undefined && <RunActions run={run.data} />}
    >
      <Loaded query={run} what="the run">
        {(found) => (
          <Loaded query={tasks} what="the tasks">
            {(list) => <Parts run={found} tasks={list.tasks} />}
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

const Parts = ({ run, tasks }: { readonly run: RunDetail; readonly tasks: readonly TaskRunData[] }) => {
  const { data: job } = useQuery(jobQuery(run.job_id));
  const { selected, select } = useSelectedTask();
  const nodes = useMemo(() => tasks.map(graphTask), [tasks]);
  return (
    <>
      <RunSummary run={run} tasks={tasks} zone={job?.timezone ?? null} />
      <div className="run-pictures">
        <Graph tasks={nodes} selected={selected} onSelect={select} />
        <Gantt run={run} tasks={tasks} selected={selected} onSelect={select} />
      </div>
      <RunValues run={run} tasks={tasks} />
      <Log runId={run.id} tasks={tasks} from={run.status === "completed" ? "start" : "end"} />
    </>
  );
};

/** The task whose log is shown: `?task=`. Selecting it again shows all tasks. */
const useSelectedTask = () => {
  const [query, setQuery] = useSearchParams();
  const selected = query.get("task");
  const select = useCallback(
    (taskId: string): void =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before);
          if (next.get("task") === taskId) next.delete("task");
          else next.set("task", taskId);
          return next;
        },
        { replace: true },
      ),
    [setQuery],
  );
  return { selected, select };
};
