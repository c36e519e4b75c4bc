import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { Link } from "wouter";
import { failureWords } from "../../domain/words/failure.ts";
import { failurePath } from "../../domain/words/run-path.ts";
import { RetryDialog } from "../actions/dialogs.ts";
import { attentionQuery, jobsQuery, runQuery } from "../data/queries.ts";
import { useJobName } from "../data/selected.ts";
import type { RunData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/states.tsx";
import { RunStatusText } from "../ui/status/status.tsx";
import { RunTable } from "../ui/table/run-table.tsx";
import { counted } from "../ui/text/format.ts";
import { LongText } from "../ui/text/long-text.tsx";
import { Time } from "../ui/time/time.tsx";
import { groupByJob, MAX_GROUPED, PERIODS, type RunListQuery } from "./run-filter.ts";

type RunsByJobProps = { readonly runs: readonly RunData[]; readonly filter: RunListQuery };

/** Shows runs grouped by their jobs. The runs of a job are folded. */
export const RunsByJob = ({ runs, filter }: RunsByJobProps) => {
  const groups = groupByJob(runs);
  const total = groups.reduce((sum, group) => sum + group.runs.length, 0);
  return (
    <>
      <p className="muted" role="status">
        {counted(total, "run")} of {counted(groups.length, "job")}
        {filter.within !== null && ` in the ${PERIODS[filter.within].label}`}
        {runs.length >= MAX_GROUPED && `, from the newest ${MAX_GROUPED.toLocaleString()} runs`}
      </p>
      {groups.length === 0 ? (
        <Empty title="No matching runs" />
      ) : (
        <ul className="card run-groups">
          {groups.map((group) => (
            <JobGroup key={group.jobId} {...group} filter={filter} />
          ))}
        </ul>
      )}
    </>
  );
};

/** Most runs that a group lists; a link leads to the others. */
const LISTED = 20;

type JobGroupProps = {
  readonly jobId: string;
  /** The newest first. */
  readonly runs: readonly RunData[];
  readonly filter: RunListQuery;
};

const JobGroup = ({ jobId, runs, filter }: JobGroupProps) => {
  const name = useJobName(jobId);
  const listId = useId();
  const [isOpen, setOpen] = useState(false);
  const [isRetrying, setRetrying] = useState(false);
  const [newest] = runs;
  if (newest === undefined) return null;
  const query = new URLSearchParams({ job: jobId, ...(filter.status === null ? {} : { status: filter.status }) });
  return (
    <li className="run-group" data-job-group={jobId}>
      <div className="run-group-head">
        <Button
          kind="quiet"
          className="run-group-count"
          aria-expanded={isOpen}
          aria-controls={listId}
          aria-label={`${counted(runs.length, "run")} of ${name}`}
          onClick={() => setOpen(!isOpen)}
        >
          <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {runs.length.toLocaleString()}
        </Button>
        <div className="run-group-what">
          <p>
            <Link href={`/jobs/${jobId}`} className="run-group-job" data-row>
              {name}
            </Link>{" "}
            <RunStatusText run={newest} /> <span className="muted">last at</span>{" "}
            <Time at={newest.started_at ?? newest.created_at} isFocusable={false} /> <JobState jobId={jobId} />
          </p>
          {newest.status !== "completed" && <Why run={newest} />}
        </div>
        <div className="row">
          {(newest.status === "failed" || newest.status === "interrupted") && (
            <ActionButton needs="operator" isOnce aria-label={`Retry ${name}`} onClick={() => setRetrying(true)}>
              Retry
            </ActionButton>
          )}
          <Link className="button" href={failurePath(newest.id, newest.failure)} aria-label={`Log of ${name}`}>
            Log
          </Link>
        </div>
      </div>
      <div id={listId} hidden={!isOpen}>
        {isOpen && <RunTable label={`Runs of ${name}`} runs={runs.slice(0, LISTED)} hasJob={false} />}
        {isOpen && runs.length > LISTED && (
          <p className="run-group-more">
            <Link href={`/runs?${query}`}>All of them</Link>
          </p>
        )}
      </div>
      {isRetrying && <RetryDialog runId={newest.id} name={name} onClose={() => setRetrying(false)} />}
    </li>
  );
};

/** Says if the job still fails, or fails on and off. */
const JobState = ({ jobId }: { readonly jobId: string }) => {
  const { data } = useQuery(attentionQuery());
  const last = useQuery({ ...jobsQuery(), select: ({ jobs }) => jobs.find(({ id }) => id === jobId)?.last_run }).data;
  const item = data?.items.find((each) => each.job_id === jobId && "recent_runs" in each);
  if (data === undefined || data.items.length < data.count) return null;
  if (item === undefined || !("recent_runs" in item)) {
    // A failed child run has no item of its own: that of its parent is about it, too.
    if (last?.status === "failed" || last?.status === "interrupted") return <span className="tag">still failing</span>;
    return last?.status === "completed" ? <span className="tag">works again</span> : null;
  }
  const isOnAndOff = item.kind === "job_flapping" || item.flapping;
  return (
    <span className="tag">
      {isOnAndOff ? `on and off: ${item.recent_failures} of the last ${item.recent_runs}` : "still failing"}
    </span>
  );
};

/** The error of the run, and the line of output that says most about it. */
const Why = ({ run }: { readonly run: RunData }) => {
  const failure = useQuery(runQuery(run.id)).data?.failure ?? null;
  const line = failure === null ? null : failureWords(failure).line;
  return (
    <p className="attention-why">
      {run.error !== null && <LongText text={run.error} />}{" "}
      {line !== null && (
        <LongText text={line}>
          {(shown) => (
            <Link href={failurePath(run.id, failure)} className="attention-line mono">
              {shown}
            </Link>
          )}
        </LongText>
      )}
    </p>
  );
};
