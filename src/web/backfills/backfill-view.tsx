import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import {
  BACKFILL_REASON_TEXT,
  BACKFILL_STATUS_TEXT,
  EXISTING_TEXT,
  progressText,
} from "../../domain/words/schedule/backfill.ts";
import { useChangeBackfill } from "../data/actions.ts";
import { backfillQuery, jobQuery, runsQuery } from "../data/queries.ts";
import type { BackfillData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Page } from "../ui/page.tsx";
import { Loaded } from "../ui/states.tsx";
import { RunTable } from "../ui/table/run-table.tsx";
import { capital } from "../ui/text/format.ts";
import { Time, ZonedTime } from "../ui/time/time.tsx";
import { BackfillStatusText, Progress } from "./backfill-status.tsx";
import "./backfills.css";
import { CancelBackfillDialog } from "./cancel-backfill-dialog.tsx";

const LISTED_RUNS = 50;

/** Shows the progress of a backfill and its newest runs. */
export const BackfillView = ({ backfillId }: { readonly backfillId: string }) => {
  const backfill = useQuery(backfillQuery(backfillId));
  const [isAsking, setAsking] = useState(false);
  const { data } = backfill;
  return (
    <Page
      title={data === undefined ? "Backfill" : `Backfill of ${data.job_id}`}
      lead={<code>{backfillId}</code>}
      actions={data !== undefined && <Actions backfill={data} onCancel={() => setAsking(true)} />}
    >
      <Loaded query={backfill} what="the backfill">
        {(found) => <Parts backfill={found} />}
      </Loaded>
      {isAsking && data !== undefined && <CancelBackfillDialog backfill={data} onClose={() => setAsking(false)} />}
    </Page>
  );
};

type ActionsProps = { readonly backfill: BackfillData; readonly onCancel: () => void };

const Actions = ({ backfill: { id, status }, onCancel }: ActionsProps) => {
  const { mutate, isPending } = useChangeBackfill();
  if (status !== "running" && status !== "paused") return null;
  const change = status === "paused" ? "resume" : "pause";
  return (
    <>
      <ActionButton needs="operator" isOnce isBusy={isPending} onClick={() => mutate({ id, change })}>
        {capital(change)}
      </ActionButton>
      <ActionButton needs="operator" kind="danger" onClick={onCancel}>
        Cancel
      </ActionButton>
    </>
  );
};

const Parts = ({ backfill }: { readonly backfill: BackfillData }) => (
  <>
    <section className="card backfill-state" aria-labelledby="progress">
      <h2 id="progress">Progress</h2>
      <p>
        <BackfillStatusText backfill={backfill} isPill />{" "}
        <span className="muted">{capital(statusText(backfill))}.</span>
      </p>
      <p className="backfill-bar">
        <Progress runs={backfill.runs} />
        <span role="status">{progressText(backfill.runs)}</span>
      </p>
      <Facts backfill={backfill} />
    </section>
    <Runs backfill={backfill} />
  </>
);

const statusText = ({ status, reason, parallel }: BackfillData): string => {
  if (reason !== null) return BACKFILL_REASON_TEXT[reason];
  return status === "running" ? `it makes runs, at most ${parallel} at once` : BACKFILL_STATUS_TEXT[status];
};

const Facts = ({ backfill }: { readonly backfill: BackfillData }) => {
  // The job may be gone.
  const zone = useQuery({ ...jobQuery(backfill.job_id), retry: false }).data?.timezone ?? null;
  const params = Object.entries(backfill.params);
  return (
    <dl className="facts">
      <dt>Job</dt>
      <dd>
        <Link href={`/jobs/${backfill.job_id}`}>{backfill.job_id}</Link>
      </dd>
      <dt>From</dt>
      <dd>
        <ZonedTime at={backfill.from} zone={zone} />
      </dd>
      <dt>To</dt>
      <dd>
        <ZonedTime at={backfill.to} zone={zone} />
      </dd>
      <dt>Runs again</dt>
      <dd>{EXISTING_TEXT[backfill.existing]}</dd>
      <dt>At once</dt>
      <dd>
        {backfill.parallel}, {backfill.newest_first ? "the newest occurrence first" : "the oldest occurrence first"}
      </dd>
      {params.length > 0 && (
        <>
          <dt>Params</dt>
          <dd className="mono">{params.map(([name, value]) => `${name}=${value}`).join(" ")}</dd>
        </>
      )}
      <dt>Created</dt>
      <dd>
        <Time at={backfill.created_at} />
        {backfill.created_by !== null && ` by ${backfill.created_by}`}
      </dd>
      {backfill.cancelled_by !== null && (
        <>
          <dt>Cancelled by</dt>
          <dd>{backfill.cancelled_by}</dd>
        </>
      )}
      {backfill.ended_at !== null && (
        <>
          <dt>Ended</dt>
          <dd>
            <Time at={backfill.ended_at} />
          </dd>
        </>
      )}
    </dl>
  );
};

const Runs = ({ backfill: { id, runs } }: { readonly backfill: BackfillData }) => {
  const query = useQuery({
    ...runsQuery({ backfill_id: id, limit: LISTED_RUNS, failure: true }),
    placeholderData: keepPreviousData,
  });
  return (
    <section className="card" aria-labelledby="runs">
      <h2 id="runs">Newest runs</h2>
      <Loaded query={query} what="the runs">
        {(found) =>
          found.runs.length === 0 ? (
            <p className="muted">
              {runs.pending > 0 ? "It has not made a run yet." : "It has no runs, or they were deleted."}
            </p>
          ) : (
            <>
              <RunTable runs={found.runs} label="Newest runs of this backfill" hasJob={false} hasOccurrence />
              {found.next !== null && runs.total > found.runs.length && (
                <p className="muted">
                  For all of them: <code>petit runs --backfill {id.slice(-8)} --limit 1000</code>
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
};
