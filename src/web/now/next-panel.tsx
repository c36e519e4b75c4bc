import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { Link } from "wouter";
import { nextUp } from "../../domain/schedule/next-up.ts";
import { formatDuration } from "../../lib/duration.ts";
import { petitNow } from "../data/petit-time.ts";
import { jobsQuery, schedulerQuery } from "../data/queries.ts";
import { useScheduleZone } from "../data/selected.ts";
import type { JobSummary } from "../data/shapes.ts";
import { Loaded } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status/status.tsx";
import { Countdown, Time, ZoneNote } from "../ui/time/time.tsx";
import { useFittingRows } from "../ui/use-fitting-rows.ts";

/** Shows which jobs are due next. */
export const NextPanel = () => {
  const jobs = useQuery(jobsQuery());
  const isPaused = useQuery(schedulerQuery()).data?.is_paused ?? false;
  return (
    <section className="card now-panel" aria-labelledby="now-next">
      <h2 id="now-next">Next up {isPaused && <span className="muted">after resume</span>}</h2>
      <Loaded query={jobs} what="the next occurrences">
        {(list) => <NextList jobs={list.jobs} />}
      </Loaded>
    </section>
  );
};

/** Height of a row in rem, as in the stylesheet. */
const ROW_REM = 1.75;

/** Lists as many jobs as fit, each once: what is due every few minutes comes last, so that it hides nothing. */
const NextList = ({ jobs }: { readonly jobs: readonly JobSummary[] }) => {
  const rows = useMemo(() => rowsOf(jobs), [jobs]);
  const box = useRef<HTMLDivElement>(null);
  const fitting = useFittingRows(box, ROW_REM);
  const shown = rows.length > fitting ? rows.slice(0, Math.max(1, fitting - 1)) : rows;
  return (
    <div ref={box} className="now-fitting">
      {rows.length === 0 ? (
        <p className="muted">No upcoming occurrences.</p>
      ) : (
        <ol className="now-list" aria-label="Next up">
          {shown.map((row) => (
            <NextRow key={row.job.id} {...row} />
          ))}
        </ol>
      )}
      {shown.length < rows.length && (
        <p className="now-more muted">
          {shown.length} of {rows.length.toLocaleString()} · <Link href="/jobs?sort=next">Show all</Link>
        </p>
      )}
    </div>
  );
};

type NextRowProps = {
  readonly job: JobSummary;
  readonly at: number;
  /** Null unless it is due every few minutes. */
  readonly everyMs: number | null;
};

const NextRow = ({ job, at, everyMs }: NextRowProps) => {
  const zone = useScheduleZone(job.timezone);
  return (
    <li className="now-next" data-next={job.id}>
      <StatusIcon of="due" />
      <Link href={`/jobs/${job.id}`} title={job.name}>
        {job.name}
      </Link>
      {everyMs === null ? (
        <Countdown at={at} zone={zone} isFocusable={false} />
      ) : (
        <span className="muted">
          {everyText(everyMs)}, next <Time at={at} zone={zone} isFocusable={false} />
        </span>
      )}
      <ZoneNote at={at} zone={zone} />
    </li>
  );
};

const rowsOf = (jobs: readonly JobSummary[]): readonly NextRowProps[] => {
  const { rare, frequent } = nextUp(jobs, petitNow());
  return [...rare.map((each) => ({ ...each, everyMs: null })), ...frequent];
};

const everyText = (ms: number): string => (ms === MINUTE_MS ? "every minute" : `every ${formatDuration(ms)}`);

const MINUTE_MS = 60_000;
