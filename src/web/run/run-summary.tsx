import type { ReactNode } from "react";
import { TRIGGER_TEXT } from "../../domain/words/run.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { useScheduleZone } from "../data/use-schedule-zone.ts";
import { WebLinks } from "../ui/about-links.tsx";
import { RunLink } from "../ui/run-link.tsx";
import { Status } from "../ui/status/status.tsx";
import { Duration, Elapsed, Time, ZonedTime } from "../ui/time/time.tsx";
import { ChildRuns, ParentRun, tasksWithChildren } from "./child-runs.tsx";
import { hasRanOn, RanOn } from "./machines.tsx";
import { latenessText, summaryTextOf } from "./run-summary-text.ts";

type SummaryProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  /** Time zone of the job's schedule; null if it is petit's. */
  readonly timezone: string | null;
  /** Details of a failure. */
  readonly children: ReactNode;
};

/** Describes the state of a run and lists its facts. */
export const RunSummary = ({ run, tasks, timezone, children }: SummaryProps) => {
  const zone = useScheduleZone(timezone);
  const { what, next } = summaryTextOf(run, tasks);
  return (
    <section className="card run-summary" aria-label="Summary" data-run-status={run.status}>
      <p className="run-words" role="status">
        <Status of={run.status} isPill /> <span>{what}</span> {next !== null && <span className="muted">{next}</span>}
      </p>
      {children}
      <dl className="run-facts">
        <Fact name="Took">
          {run.duration_ms === null && run.started_at !== null ? (
            <Elapsed since={run.started_at} />
          ) : (
            <Duration ms={run.duration_ms} />
          )}
        </Fact>
        <Fact name={run.started_at === null ? "Queued" : "Started"}>
          <Time at={run.started_at ?? run.created_at} zone={zone} />
        </Fact>
        {run.ended_at !== null && (
          <Fact name="Ended">
            <Time at={run.ended_at} zone={zone} />
          </Fact>
        )}
        {run.late_at !== null && (
          <Fact name="Late since">
            <Time at={run.late_at} zone={zone} />
          </Fact>
        )}
        <Fact name="Triggered">
          {TRIGGER_TEXT[run.trigger]}
          {run.triggered_by !== null && ` (${run.triggered_by})`}
        </Fact>
        {run.cancelled_by !== null && <Fact name="Cancelled by">{run.cancelled_by}</Fact>}
        {run.scheduled_for !== null && (
          <Fact name="Scheduled for">
            <ZonedTime at={run.scheduled_for} zone={zone} /> <span className="muted">{latenessText(run)}</span>
          </Fact>
        )}
        {run.parent !== null && (
          <Fact name="Started by run">
            <ParentRun parent={run.parent} />
          </Fact>
        )}
        {tasksWithChildren(tasks).length > 0 && (
          <Fact name="Child runs">
            <ChildRuns runId={run.id} tasks={tasks} />
          </Fact>
        )}
        {hasRanOn(tasks) && (
          <Fact name="Ran on">
            <RanOn tasks={tasks} />
          </Fact>
        )}
        {run.retry_of !== null && (
          <Fact name="Retry of">
            <RunLink id={run.retry_of} />
          </Fact>
        )}
        {run.retried_by.length > 0 && (
          <Fact name="Retried by">
            {run.retried_by.map((id) => (
              <RunLink key={id} id={id} />
            ))}
          </Fact>
        )}
        {(run.status === "failed" || run.status === "interrupted") && Object.keys(run.links).length > 0 && (
          <Fact name="What to do">
            <WebLinks links={run.links} />
          </Fact>
        )}
        <Fact name="Run">
          <code>{run.id}</code>
        </Fact>
      </dl>
    </section>
  );
};

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
