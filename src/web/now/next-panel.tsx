import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { jobsQuery, schedulerQuery } from "../data/queries.ts";
import { useScheduleZone } from "../data/selected.ts";
import type { JobSummary } from "../data/shapes.ts";
import { Loaded } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status/status.tsx";
import { Countdown, ZoneNote } from "../ui/time/time.tsx";

const MAX_ENTRIES = 4;

/** Shows the next occurrences of all jobs. */
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

const NextList = ({ jobs }: { readonly jobs: readonly JobSummary[] }) => {
  const coming = useMemo(() => nextOccurrences(jobs), [jobs]);
  if (coming.length === 0) return <p className="muted">No upcoming occurrences.</p>;
  return (
    <ol className="now-list">
      {coming.map(({ job, at }) => (
        <NextRow key={job.id} job={job} at={at} />
      ))}
    </ol>
  );
};

const NextRow = ({ job, at }: { readonly job: JobSummary; readonly at: number }) => {
  const zone = useScheduleZone(job.timezone);
  return (
    <li className="now-next">
      <StatusIcon of="due" />
      <Link href={`/jobs/${job.id}`}>{job.name}</Link>
      <Countdown at={at} zone={zone} isFocusable={false} />
      <ZoneNote at={at} zone={zone} />
    </li>
  );
};

const nextOccurrences = (jobs: readonly JobSummary[]) =>
  jobs
    .flatMap((job) => (job.next_start_at === null || job.paused ? [] : [{ job, at: job.next_start_at }]))
    .sort((a, b) => a.at - b.at)
    .slice(0, MAX_ENTRIES);
