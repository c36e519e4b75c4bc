import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { isFinal } from "../../domain/run.ts";
import { jobsQuery, jobsWithRunsQuery, RECENT_RUNS } from "../data/queries.ts";
import type { JobSummary, RecentRunData } from "../data/shapes.ts";

/** Returns the jobs as soon as they are loaded, and adds their newest runs when the larger answer arrives. */
export const useJobs = () => {
  const list = useQuery(jobsQuery());
  const withRuns = useQuery({ ...jobsWithRunsQuery(), structuralSharing: false });
  const known = useRef(new WeakMap<JobSummary, JoinedJob>());
  const jobs = useMemo(() => {
    const runsOf = new Map(withRuns.data?.jobs.map((job) => [job.id, job]));
    return list.data?.jobs.map((job) => joined(job, runsOf.get(job.id), known.current));
  }, [list.data, withRuns.data]);
  return { list, jobs };
};

type JoinedJob = { readonly runs: JobSummary | undefined; readonly joined: JobSummary };

/** Returns the same object for the same input, so that a row renders again only when it changes. */
const joined = (job: JobSummary, runs: JobSummary | undefined, known: WeakMap<JobSummary, JoinedJob>): JobSummary => {
  const before = known.get(job);
  if (before !== undefined && before.runs === runs) return before.joined;
  const after = runs === undefined ? job : { ...job, ...recentOf(job, runs) };
  known.set(job, { runs, joined: after });
  return after;
};

const recentOf = ({ last_run }: JobSummary, { recent_runs = [], success_rate, usual_duration_ms }: JobSummary) => ({
  recent_runs: upToDate(recent_runs, last_run),
  success_rate: success_rate ?? null,
  usual_duration_ms: usual_duration_ms ?? null,
});

/** Updates the newest runs from the last run of the job: the list of jobs is fetched more often than the runs. */
export const upToDate = (runs: RecentRunData[], last: JobSummary["last_run"]): RecentRunData[] => {
  if (last === null) return runs;
  const at = runs.findIndex(({ id }) => id === last.id);
  const known = runs[at];
  const { id, status, started_at, duration_ms } = last;
  if (known === undefined) {
    // Ids sort by time of creation.
    const isNewer = id > (runs.at(-1)?.id ?? "");
    return isNewer
      ? [...runs, { id, status, trigger: "schedule" as const, started_at, duration_ms }].slice(-RECENT_RUNS)
      : runs;
  }
  return isFinal(known.status) || known.status === status
    ? runs
    : runs.with(at, { ...known, status, started_at, duration_ms });
};
