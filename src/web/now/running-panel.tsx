import { useQuery } from "@tanstack/react-query";
import { Fragment, memo, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { executingOf } from "../../domain/limits/activity.ts";
import { countWaiting, type WaitingCounts } from "../../domain/limits/waiting-for.ts";
import { shownStatusOf, statusWords, waitingCounts } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { CancelDialog } from "../actions/dialogs.ts";
import { jobRunsQuery, runsQuery, statsQuery } from "../data/queries.ts";
import { progressOf, usualDuration } from "../data/run-statistics.ts";
import { useJobName } from "../data/selected.ts";
import type { RunData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Loaded } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status/status.tsx";
import { roughText } from "../ui/text/format.ts";
import { useNow } from "../ui/time/clock.ts";
import { useFittingRows } from "../ui/use-fitting-rows.ts";
import { useSteadyRows } from "./steady-rows.ts";

/** Maximum number of runs that are read. */
export const MAX_RUNNING = 50;

/** Shows the running runs, newest first, and after them those that have started and only wait. */
export const RunningPanel = () => {
  const running = useQuery(runsQuery({ status: "running", limit: MAX_RUNNING }));
  return (
    <section className="card now-panel" aria-labelledby="now-running">
      <h2 id="now-running">
        Running {running.data !== undefined && <Counts runs={running.data.runs} />}
        <Waiting />
      </h2>
      <Loaded query={running} what="the running runs">
        {({ runs }) => <RunningList runs={runs} />}
      </Loaded>
      <WaitingList />
    </section>
  );
};

/** How many runs execute something, and how many have started and only wait. */
const Counts = ({ runs }: { readonly runs: readonly RunData[] }) => {
  const stats = useQuery(statsQuery()).data;
  // The list is newer than the statistics, if it has all runs.
  const isAll = runs.length < MAX_RUNNING;
  const executing =
    isAll || stats === undefined ? runs.filter((run) => shownStatusOf(run) === "running").length : executingOf(stats);
  const waiting = isAll ? countWaiting(runs.map(({ waiting_for }) => waiting_for ?? null)) : startedOf(stats?.waiting);
  return (
    <>
      {executing > 0 && <span className="muted">{executing.toLocaleString()}</span>}
      {waitingCounts(waiting).map(({ code, text }, index) => (
        <Fragment key={code}>
          {(executing > 0 || index > 0) && <Comma />}
          <Link className="now-waiting" href={`/runs?waiting_for=${code}`}>
            {text}
          </Link>
        </Fragment>
      ))}
    </>
  );
};

/** Separates two counts for screen readers. */
const Comma = () => <span className="visually-hidden">, </span>;

/** Leaves out what runs that have not started wait for, which `Waiting` counts. */
const startedOf = ({ queue: _, gates: __, ...waiting }: WaitingCounts = {}): WaitingCounts => waiting;

/** Shows how many runs wait for a slot, if any. */
const Waiting = () => {
  const pending = useQuery(statsQuery()).data?.pending ?? 0;
  return (
    pending > 0 && (
      <>
        <Comma />
        <Link className="now-waiting" href="/runs?status=pending">
          {pending.toLocaleString()} waiting
        </Link>
      </>
    )
  );
};

/** Maximum of waiting runs that are read. */
const MAX_READ = 50;

/** Maximum of waiting runs that are listed; the link above lists all. */
const MAX_WAITING = 5;

/** Shows the runs that will start first, and what each of them waits for. */
const WaitingList = () => {
  const pending = useQuery(statsQuery()).data?.pending ?? 0;
  const waiting = useQuery({ ...runsQuery({ status: "pending", limit: MAX_READ }), enabled: pending > 0 });
  const runs = (pending === 0 ? [] : (waiting.data?.runs ?? []))
    .flatMap(({ waits_for, ...run }) => (waits_for === null ? [] : [{ ...run, waits_for }]))
    .toSorted((a, b) => aheadOf(a.waits_for) - aheadOf(b.waits_for) || a.created_at - b.created_at)
    .slice(0, MAX_WAITING);
  return (
    runs.length > 0 && (
      <ul className="now-waiting-list" aria-label="Waiting">
        {runs.map((run) => (
          <li key={run.id} className="muted">
            <JobLink run={run} /> waits for {waitsForText(run.waits_for)}
          </li>
        ))}
      </ul>
    )
  );
};

const aheadOf = (waitsFor: NonNullable<RunData["waits_for"]>): number => ("ahead" in waitsFor ? waitsFor.ahead : 0);

const JobLink = ({ run }: { readonly run: Pick<RunData, "id" | "job_id"> }) => (
  <Link href={`/runs/${run.id}`}>{useJobName(run.job_id)}</Link>
);

/** Height of a row in rem, as in the stylesheet. */
const ROW_REM = 1.75;

/** What executes comes before what only waits. */
const byActivity = (runs: readonly RunData[]): readonly RunData[] =>
  runs.toSorted((a, b) => Number(a.waiting_for != null) - Number(b.waiting_for != null));

const RunningList = ({ runs }: { readonly runs: readonly RunData[] }) => {
  const [isHeld, setHeld] = useState(false);
  const [asked, setAsked] = useState<RunData | null>(null);
  const ordered = useMemo(() => byActivity(runs), [runs]);
  const rows = useSteadyRows(ordered, isHeld);
  const name = useJobName(asked?.job_id ?? "");
  const box = useRef<HTMLDivElement>(null);
  const fitting = useFittingRows(box, ROW_REM);
  // The line below the list takes the place of a row.
  const shown = rows.length > fitting ? rows.slice(0, Math.max(1, fitting - 1)) : rows;
  return (
    <div ref={box} className="now-fitting">
      {rows.length === 0 ? (
        <p className="muted">No runs are running.</p>
      ) : (
        <ul
          className="now-list"
          aria-label="Running"
          onPointerEnter={() => setHeld(true)}
          onPointerLeave={() => setHeld(false)}
        >
          {shown.map(({ run, isEnded }) => (
            <RunningRow key={run.id} run={run} isEnded={isEnded} onCancel={setAsked} />
          ))}
        </ul>
      )}
      {shown.length < rows.length && (
        <p className="now-more muted">
          {shown.length} of {rows.length === MAX_RUNNING ? `${MAX_RUNNING}+` : rows.length} ·{" "}
          <Link href="/runs?status=running">Show all</Link>
        </p>
      )}
      {asked !== null && <CancelDialog runId={asked.id} name={name} onClose={() => setAsked(null)} />}
    </div>
  );
};

type RunningRowProps = {
  readonly run: RunData;
  readonly isEnded: boolean;
  readonly onCancel: (run: RunData) => void;
};

const RunningRow = memo(({ run, isEnded, onCancel }: RunningRowProps) => {
  const name = useJobName(run.job_id);
  return (
    <li className="now-running" data-run={run.id}>
      {isEnded ? (
        <StatusIcon of="skipped" label="ended" />
      ) : (
        <StatusIcon of={shownStatusOf(run)} label={statusWords(run)} />
      )}
      <span className="now-name">
        <Link href={`/runs/${run.id}`} title={name}>
          {name}
        </Link>
        {run.late_at !== null && <span className="tag">late</span>}
      </span>
      {isEnded ? <span className="now-progress muted">ended</span> : <Activity run={run} />}
      <ActionButton
        needs="operator"
        isOnce
        kind="quiet"
        className="now-cancel"
        disabled={isEnded}
        aria-label={`Cancel ${name}`}
        onClick={() => onCancel(run)}
      >
        Cancel
      </ActionButton>
    </li>
  );
});

/** What a run waits for, or how far it is. */
const Activity = ({ run }: { readonly run: RunData }) => {
  if (run.waiting_for == null) return <Progress run={run} />;
  const text = run.waits_for === null ? statusWords(run) : `waits for ${waitsForText(run.waits_for)}`;
  return (
    <span className="now-progress now-wait muted" title={text}>
      {text}
    </span>
  );
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
    <span className="now-progress" title={text}>
      <progress aria-label={`Progress of ${run.job_id}`} {...(share === null ? {} : { value: share })} />
      <span className="muted">{text}</span>
    </span>
  );
};
