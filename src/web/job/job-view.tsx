import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { Link, Redirect } from "wouter";
import { isRefused } from "../../client/error.ts";
import { activeTexts } from "../../domain/words/waiting-for.ts";
import { RunDialog } from "../actions/dialogs.ts";
import { BackfillDialog } from "../backfills/backfill-dialog.tsx";
import { usePauseJob } from "../data/actions.ts";
import { jobQuery } from "../data/queries.ts";
import { useMay } from "../data/selected.ts";
import type { JobDetail, TaskData } from "../data/shapes.ts";
import { GraphCard } from "../graph/graph.tsx";
import type { GraphTask } from "../graph/graph-task.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Tags, WebLinks } from "../ui/links.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Time } from "../ui/time/time.tsx";
import { Backfills } from "./backfills.tsx";
import { Definition } from "./definition.tsx";
import { Deliveries } from "./deliveries.tsx";
import { Durations } from "./durations.tsx";
import { History } from "./history.tsx";
import "./job.css";
import { Neighbours } from "./neighbours.tsx";
import { Occurrences } from "./occurrences.tsx";
import { ScheduleCard } from "./schedule-card.tsx";
import { SettingsCard } from "./settings-card.tsx";
import { StateCard } from "./state-card.tsx";
import { TaskGrid } from "./task-grid.tsx";
import { JobUsage } from "./usage.tsx";

/** Shows the last result, history, graph and configuration of a job. */
export const JobView = ({ jobId }: { readonly jobId: string }) => {
  const job = useQuery(jobQuery(jobId));
  const [isRunning, setRunning] = useState(false);
  const [isBackfilling, setBackfilling] = useState(false);
  const currentId = job.data?.id ?? jobId;
  const isGone = job.data?.gone === true || isRefused(job.error, "NOT_FOUND");
  const mayRun = useMay("operator");
  useShortcut({ key: "r", what: "Run this job", run: () => setRunning(true), isOn: !isGone && mayRun });
  // A former id leads to the job.
  if (currentId !== jobId) return <Redirect to={`/jobs/${currentId}`} replace />;
  return (
    <Page
      title={job.data?.name ?? jobId}
      lead={job.data !== undefined && <Lead job={job.data} />}
      actions={
        !isGone && (
          <>
            {job.data !== undefined && (job.data.schedule !== null || hasEvents(job.data)) && (
              <PauseButton job={job.data} />
            )}
            {job.data !== undefined && job.data.schedule !== null && (
              <ActionButton needs="operator" onClick={() => setBackfilling(true)}>
                Run for the past
              </ActionButton>
            )}
            <ActionButton needs="operator" kind="primary" onClick={() => setRunning(true)}>
              Run now
            </ActionButton>
          </>
        )
      }
    >
      <Loaded query={job} what="the job">
        {(found) => (
          <>
            {isGone && <Gone job={found} />}
            <Parts job={found} />
          </>
        )}
      </Loaded>
      {isRunning && <RunDialog jobId={jobId} onClose={() => setRunning(false)} />}
      {isBackfilling && job.data !== undefined && (
        <BackfillDialog job={job.data} onClose={() => setBackfilling(false)} />
      )}
    </Page>
  );
};

const PauseButton = ({ job: { id, paused } }: { readonly job: JobDetail }) => {
  const { mutate, isPending } = usePauseJob();
  return (
    <ActionButton needs="operator" isOnce isBusy={isPending} onClick={() => mutate({ jobId: id, isPaused: !paused })}>
      {paused ? "Resume" : "Pause"}
    </ActionButton>
  );
};

/** Shown above the history of a job whose file is gone. */
const Gone = ({ job: { id, gone_at } }: { readonly job: JobDetail }) => (
  <Empty title="This job was removed">
    <p>
      No job file defines it any more
      {gone_at !== null && (
        <>
          {" "}
          (<Time at={gone_at} />)
        </>
      )}
      , so it can't run. <Link href={`/runs?job=${id}`}>Its runs</Link> are kept. To use it again, put its file back.
    </p>
  </Empty>
);

const Lead = ({
  job: { id, name, description, tags, links, enabled, paused, gone, formerly, ...activity },
}: {
  readonly job: JobDetail;
}) => (
  <>
    {name !== id && <code>{id} </code>}
    {gone && <span className="tag">gone</span>} {!enabled && <span className="tag">disabled</span>}{" "}
    {paused && <span className="tag">paused</span>} <strong>{activeTexts(activity).join(", ")}</strong>{" "}
    {formerly.length > 0 && <span className="muted">formerly {formerly.join(", ")} </span>}
    {description} <Tags tags={tags} />
    {Object.keys(links).length > 0 && <WebLinks links={links} />}
  </>
);

const Parts = ({ job }: { readonly job: JobDetail }) => {
  const [selected, setSelected] = useState<string | null>(null);
  const select = useCallback((id: string): void => setSelected((before) => (before === id ? null : id)), []);
  const nodes = useMemo(() => job.tasks.map(graphTask), [job.tasks]);
  // The part that a link names exists only now.
  useEffect(() => document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "start" }), []);
  return (
    <>
      <PartLinks hasSchedule={job.schedule !== null} hasEvents={hasEvents(job)} />
      <div className="job-cards">
        <StateCard job={job} />
        {job.schedule !== null && !job.gone && <ScheduleCard job={job} />}
      </div>
      <History jobId={job.id} />
      <JobUsage jobId={job.id} />
      <Durations jobId={job.id} />
      <TaskGrid jobId={job.id} />
      {job.schedule !== null && <Occurrences jobId={job.id} timezone={job.timezone} />}
      {hasEvents(job) && <Deliveries jobId={job.id} />}
      {job.schedule !== null && <Backfills jobId={job.id} />}
      <div id="graph" className="job-part">
        <GraphCard tasks={nodes} selected={selected} onSelect={select} />
      </div>
      <div className="job-columns">
        <div className="job-column">
          {job.schedule === null && !job.gone && <ScheduleCard job={job} />}
          <SettingsCard job={job} />
          <Neighbours job={job} />
        </div>
        <Definition job={job} selected={selected} />
      </div>
    </>
  );
};

/** An older petit has no triggers. */
const hasEvents = ({ triggers }: Partial<Pick<JobDetail, "triggers">>): boolean => (triggers?.length ?? 0) > 0;

const PARTS = [
  ["history", "History"],
  ["durations", "Durations"],
  ["task-history", "Tasks"],
  ["occurrences", "Skipped and missed"],
  ["events", "Events"],
  ["graph", "Graph"],
  ["settings", "Settings"],
  ["definition", "Definition"],
] as const;

/** Links to the parts of the page, which is long. They stay in reach while it scrolls. */
const PartLinks = ({ hasSchedule, hasEvents }: { readonly hasSchedule: boolean; readonly hasEvents: boolean }) => (
  <nav className="job-parts" aria-label="Parts of this page">
    <ul>
      {PARTS.filter(([id]) => (hasSchedule || id !== "occurrences") && (hasEvents || id !== "events")).map(
        ([id, name]) => (
          <li key={id}>
            <a href={`#${id}`}>{name}</a>
          </li>
        ),
      )}
    </ul>
  </nav>
);

const graphTask = ({ id, name, type, depends_on, condition, runs_on }: TaskData): GraphTask => ({
  id,
  name,
  type,
  dependsOn: depends_on,
  condition,
  runsOn: runs_on,
  progress: null,
});
