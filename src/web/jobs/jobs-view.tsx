import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { RunDialog } from "../actions/dialogs.ts";
import { usePauseJob } from "../data/actions.ts";
import { schedulerQuery } from "../data/queries.ts";
import { useIsEditing, useMay } from "../data/selected.ts";
import type { JobSummary } from "../data/shapes.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { Button } from "../ui/button.tsx";
import { withParam } from "../ui/choice.tsx";
import { FirstSteps } from "../ui/first-steps.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { StatusFills } from "../ui/status/status-fill.tsx";
import { counted } from "../ui/text/format.ts";
import { JobFilters } from "./job-filters.tsx";
import { listJobs, readFilter } from "./job-list.ts";
import { JobTable } from "./job-table.tsx";
import { useJobs } from "./use-jobs.ts";
import "./jobs.css";

const NONE: readonly JobSummary[] = [];

/** Shows all jobs with their schedules and newest runs. */
export const JobsView = () => {
  const { list, jobs } = useJobs();
  const [query, setQuery] = useSearchParams();
  const filter = useMemo(() => readFilter(query), [query]);
  const isEditing = useIsEditing();
  const all = jobs ?? NONE;
  const shown = useMemo(() => listJobs(all, filter), [all, filter]);
  const set = (name: string, value: string): void => setQuery((now) => withParam(now, name, value));
  return (
    <Page
      title="Jobs"
      lead={
        <span role="status">
          {jobs !== undefined && (shown.length === all.length ? "" : `${shown.length.toLocaleString()} of `)}
          {jobs !== undefined && counted(all.length, "job")}
        </span>
      }
      actions={
        <>
          <JobFilters jobs={all} query={query} onChange={set} />
          {isEditing && (
            <Link href="/edit/new" className="button">
              New job
            </Link>
          )}
        </>
      }
    >
      <Loaded query={list} what="the jobs">
        {() => {
          if (all.length === 0) return <FirstSteps />;
          if (shown.length === 0) return <NoMatches onReset={() => setQuery(new URLSearchParams())} />;
          return <Jobs jobs={shown} filter={filter} onSort={(sort) => set("sort", sort)} />;
        }}
      </Loaded>
    </Page>
  );
};

const NoMatches = ({ onReset }: { readonly onReset: () => void }) => (
  <Empty title="No matching jobs">
    <Button onClick={onReset}>Show all jobs</Button>
  </Empty>
);

type JobsProps = Pick<Parameters<typeof JobTable>[0], "jobs" | "filter" | "onSort">;

const Jobs = (props: JobsProps) => {
  const [running, setRunning] = useState<string | null>(null);
  const isPaused = useQuery(schedulerQuery()).data?.is_paused ?? false;
  const { mutate } = usePauseJob();
  // The rows render again only if this stays the same.
  const newest = useRef(mutate);
  newest.current = mutate;
  const pause = useCallback(
    (jobId: string, isJobPaused: boolean) => newest.current({ jobId, isPaused: isJobPaused }),
    [],
  );
  const mayRun = useMay("operator");
  useShortcut({ key: "r", what: "Run the focused job", run: () => setRunning(focusedJob()), isOn: mayRun });
  return (
    <>
      <StatusFills />
      <JobTable {...props} isPaused={isPaused} onRun={setRunning} onPause={pause} />
      {running !== null && <RunDialog jobId={running} onClose={() => setRunning(null)} />}
    </>
  );
};

const focusedJob = (): string | null =>
  document.activeElement?.closest("tr")?.querySelector<HTMLElement>("[data-job]")?.dataset.job ?? null;
