import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { Link } from "wouter";
import { useCancelRun } from "../data/actions.ts";
import { jobRunsQuery, jobsQuery, runsQuery, statsQuery } from "../data/queries.ts";
import { usualDuration } from "../data/run-statistics.ts";
import type { RunData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status/status.tsx";
import { roughText } from "../ui/text/format.ts";
import { useNow } from "../ui/time/clock.ts";
import { progressOf } from "./run-progress.ts";

const MAX_RUNS = 50;

/** Shows the running runs, newest first. */
export const RunningPanel = () => {
  const running = useQuery(runsQuery({ status: "running", limit: MAX_RUNS }));
  return (
    <section className="card now-panel" aria-labelledby="now-running">
      <h2 id="now-running">
        Running{" "}
        {running.data !== undefined && running.data.count > 0 && (
          <span className="muted">{running.data.count === MAX_RUNS ? `${MAX_RUNS}+` : running.data.count}</span>
        )}
        <Waiting />
      </h2>
      <Loaded query={running} what="the running runs">
        {({ runs }) =>
          runs.length === 0 ? (
            <p className="muted">No runs are running.</p>
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the list.
            <ul className="now-list" tabIndex={0} aria-label="Running">
              {runs.map((run) => (
                <RunningRow key={run.id} run={run} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
};

/** Shows how many runs wait for a slot, if any. */
const Waiting = () => {
  const pending = useQuery(statsQuery()).data?.pending ?? 0;
  return (
    pending > 0 && (
      <Link className="now-waiting" href="/runs?status=pending">
        {pending.toLocaleString()} waiting
      </Link>
    )
  );
};

const RunningRow = memo(({ run }: { readonly run: RunData }) => {
  const { mutate, isPending } = useCancelRun();
  const name = useJobName(run.job_id);
  return (
    <li className="now-running">
      <StatusIcon of="running" label="running" />
      <Link href={`/runs/${run.id}`}>{name}</Link>
      <Progress run={run} />
      <Button
        isOnce
        kind="quiet"
        className="now-cancel"
        isBusy={isPending}
        aria-label={`Cancel ${name}`}
        onClick={() => mutate(run.id)}
      >
        Cancel
      </Button>
    </li>
  );
});

/** Returns the name of a job, or its id if the job was removed. */
const useJobName = (jobId: string): string => {
  const { data } = useQuery({ ...jobsQuery(), select: ({ jobs }) => jobs.find(({ id }) => id === jobId)?.name });
  return data ?? jobId;
};

/** A run shorter than this may end before its progress can be read, so no query is sent for it. */
const QUERY_AFTER_MS = 1_000;

const Progress = ({ run }: { readonly run: RunData }) => {
  const elapsedMs = Math.max(0, useNow() - (run.started_at ?? run.created_at));
  const { data } = useQuery({
    ...jobRunsQuery(run.job_id, { status: "completed", limit: 20 }),
    enabled: elapsedMs > QUERY_AFTER_MS,
  });
  const usualMs = data === undefined ? null : usualDuration(data.runs);
  if (usualMs === null) return <span className="now-progress muted">{roughText(elapsedMs)}</span>;
  const { share, text } = progressOf(elapsedMs, usualMs);
  return (
    <span className="now-progress">
      <progress aria-label={`Progress of ${run.job_id}`} {...(share === null ? {} : { value: share })} />
      <span className="muted">{text}</span>
    </span>
  );
};
