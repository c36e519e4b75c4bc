import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { findBlockers } from "../../client/why/blockers.ts";
import { pauseFacts, UPSTREAM_RUNS } from "../../client/why/facts.ts";
import { type Blocker, blockerText } from "../../domain/words/blocker.ts";
import { failureWords } from "../../domain/words/failure.ts";
import { expectedText, staleSinceText } from "../../domain/words/inbox/expectation.ts";
import { markTexts } from "../../domain/words/inbox/mark.ts";
import { notRunText } from "../../domain/words/inbox/unfired.ts";
import { TRIGGER_TEXT } from "../../domain/words/run.ts";
import { failurePath } from "../../domain/words/run-path.ts";
import { petitNow } from "../data/petit-time.ts";
import {
  healthQuery,
  jobAttentionQuery,
  jobRunsQuery,
  occurrencesQuery,
  queuesQuery,
  runTasksQuery,
  schedulerQuery,
} from "../data/queries.ts";
import type { JobDetail, RunData } from "../data/shapes.ts";
import { RunApprovals } from "../run/run-approvals.tsx";
import { Loaded } from "../ui/states.tsx";
import { RunStatusText } from "../ui/status/status.tsx";
import { capital, dateTimeText, fullTimeText } from "../ui/text/format.ts";
import { Duration, Elapsed, Time } from "../ui/time/time.tsx";

/** Shows the last result of a job, and what stands in the way of its next run, as `petit why` does. */
export const StateCard = ({ job }: { readonly job: JobDetail }) => {
  const newest = useQuery(jobRunsQuery(job.id, { limit: 1, failure: true }));
  return (
    <section className="card job-state" aria-labelledby="state">
      <h2 id="state">Last result</h2>
      <Loaded query={newest} what="the last run">
        {({ runs: [run] }) =>
          run === undefined ? <p className="muted">This job has not run yet.</p> : <LastRun run={run} job={job} />
        }
      </Loaded>
      {(job.waiting?.approval ?? 0) > 0 && <Approvals job={job} />}
      <NotRun job={job} />
      <Expected job={job} />
      <Known jobId={job.id} />
      <Blockers job={job} />
    </section>
  );
};

const LastRun = ({ run, job }: { readonly run: RunData; readonly job: JobDetail }) => {
  const line = run.failure == null ? null : failureWords(run.failure).line;
  return (
    <>
      <p className="job-result">
        <RunStatusText run={run} isPill />{" "}
        <Link href={failurePath(run.id, run.failure)}>
          <Time at={run.started_at ?? run.created_at} zone={job.timezone} isFocusable={false} />
        </Link>{" "}
        <span className="muted">
          {TRIGGER_TEXT[run.trigger]}
          {run.triggered_by !== null && `, ${run.triggered_by}`}
          {run.cancelled_by !== null && `, cancelled by ${run.cancelled_by}`}
          {run.status === "running" && run.started_at !== null && (
            <>
              , for <Elapsed since={run.started_at} />
            </>
          )}
          {run.duration_ms !== null && (
            <>
              , took <Duration ms={run.duration_ms} />
            </>
          )}
        </span>
      </p>
      {run.error !== null && (
        <p className="job-error">
          {run.error}
          {line !== null && (
            <Link href={failurePath(run.id, run.failure)}>
              <code>{line}</code>
            </Link>
          )}
        </p>
      )}
    </>
  );
};

/** Most runs that are asked about; the list of runs has the others. */
const MAX_ASKING = 5;

/** The tasks of the runs of the job that wait for approval, with buttons that decide. */
const Approvals = ({ job }: { readonly job: JobDetail }) => {
  const { data } = useQuery(jobRunsQuery(job.id, { status: "running", limit: 100 }));
  const asking = (data?.runs ?? []).filter(({ waiting_for }) => waiting_for === "approval");
  return (
    <ul className="job-asks" aria-label="Waiting for approval">
      {asking.slice(0, MAX_ASKING).map((run) => (
        <RunAsks key={run.id} run={run} name={job.name} />
      ))}
    </ul>
  );
};

const RunAsks = ({ run, name }: { readonly run: RunData; readonly name: string }) => {
  const { data } = useQuery(runTasksQuery(run.id));
  return (
    data !== undefined && (
      <li>
        <Link href={`/runs/${run.id}`} className="mono">
          {run.id.slice(-8)}
        </Link>
        <RunApprovals run={run} tasks={data.tasks} name={name} />
      </li>
    )
  );
};

/** Says since when the job has not run as expected, if it has not. Perhaps nothing stands in its way now. */
const NotRun = ({ job: { not_run_as_expected: unfired } }: { readonly job: JobDetail }) =>
  unfired != null && (
    <p className="job-unfired">
      <strong>Not run as expected</strong> {notRunText(unfired, (at) => fullTimeText(at))}.
    </p>
  );

/** Says what is expected of the job, and since when it is stale. */
const Expected = ({ job: { expectation } }: { readonly job: JobDetail }) => {
  if (expectation == null) return null;
  const timeText = (at: number): string => fullTimeText(at);
  const stale = staleSinceText(expectation, timeText);
  return stale === null ? (
    <p className="job-expected muted">Expected: {expectedText(expectation, timeText)}.</p>
  ) : (
    <p className="job-expected">
      <strong>Stale</strong> {stale}.
    </p>
  );
};

/** What people said about what needs attention about the job. */
const Known = ({ jobId }: { readonly jobId: string }) => {
  const { data } = useQuery(jobAttentionQuery(jobId));
  return markTexts(data?.items ?? [], dateTimeText).map((text) => (
    <p key={text} className="job-known muted">
      {capital(text)}
    </p>
  ));
};

/** Most waiting runs that are counted. */
const MAX_PENDING = 1_000;

const keyOf = (blocker: Blocker): string => {
  if ("id" in blocker) return blocker.id;
  return "jobId" in blocker ? `${blocker.code} ${blocker.jobId}` : blocker.code;
};

/** Shows what prevents or affects the next run. */
const Blockers = ({ job }: { readonly job: JobDetail }) => {
  const scheduler = useQuery(schedulerQuery()).data;
  const health = useQuery(healthQuery()).data;
  const occurrences = useQuery(occurrencesQuery(job.id, { limit: 20 })).data?.occurrences;
  const waiting = useQuery(jobRunsQuery(job.id, { status: "pending", limit: MAX_PENDING })).data;
  const attention = useQuery(jobAttentionQuery(job.id)).data?.items ?? [];
  const queues = useQuery({ ...queuesQuery(), enabled: job.queue !== null }).data?.queues;
  const upstream = useQueries({
    queries: job.depends_on.map(({ job_id }) => jobRunsQuery(job_id, { limit: UPSTREAM_RUNS })),
  });
  const isLoading = upstream.some(({ isPending }) => isPending);
  if (scheduler === undefined || occurrences === undefined || waiting === undefined || isLoading) return null;
  const facts = {
    job,
    waiting: { count: waiting.count, waitsFor: waiting.runs.map((run) => run.waits_for) },
    queue: queues?.find(({ name }) => name === job.queue) ?? null,
    occurrences,
    gates: job.depends_on.map((gate, index) => ({ gate, runs: upstream[index]?.data?.runs ?? null })),
    attention,
    state: scheduler.state,
    pause: pauseFacts(scheduler),
    health: health === undefined ? null : { status: health.status, reasons: health.reasons ?? [] },
  };
  const blockers = findBlockers(facts, petitNow());
  return (
    <div className="job-blockers" role="status">
      {blockers.length === 0 ? (
        <p className="muted">Nothing stands in the way of the next run.</p>
      ) : (
        <>
          <h3>In the way of the next run</h3>
          <ul>
            {blockers.map((blocker) => {
              const { what, remedy } = blockerText(blocker, (at) => fullTimeText(at));
              return (
                <li key={keyOf(blocker)} data-blocker={blocker.code}>
                  {sentence(what)}
                  {blocker.code === "gate_shut" && (
                    <>
                      {" "}
                      <Link href={`/jobs/${blocker.jobId}`}>{blocker.jobId}</Link>
                    </>
                  )}
                  {blocker.code === "job_disabled" && remedy !== null && (
                    <span className="muted"> {sentence(remedy)}</span>
                  )}
                </li>
              );
            })}
          </ul>
        </>
      )}
    </div>
  );
};

const sentence = (text: string): string => `${capital(text)}.`;
