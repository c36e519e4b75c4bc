import { memo, type Ref } from "react";
import { Link } from "wouter";
import { isFinal } from "../../domain/run.ts";
import { startsAtBoot } from "../../domain/schedule/boot.ts";
import { changeSentence, changeText, type DurationChangeData } from "../../domain/words/duration-change.ts";
import { unfiredState } from "../../domain/words/inbox/unfired.ts";
import { activeTexts, activityStatus, activityWords } from "../../domain/words/waiting-for.ts";
import { RECENT_RUNS } from "../data/queries.ts";
import { useScheduleZone } from "../data/selected.ts";
import type { JobSummary } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Tags } from "../ui/links.tsx";
import { Tooltip } from "../ui/overlay/tooltip.tsx";
import { RunStatusText, Status, StatusIcon } from "../ui/status/status.tsx";
import { durationText, zonedText } from "../ui/text/format.ts";
import { scheduleText } from "../ui/text/schedule-text.ts";
import { Countdown, Duration, Time, ZoneNote } from "../ui/time/time.tsx";
import { RecentBars } from "./recent-bars.tsx";

type JobRowProps = {
  readonly job: JobSummary;
  readonly isPaused: boolean;
  /** Index in the whole list, from 0. */
  readonly index: number;
  readonly ref: Ref<HTMLTableRowElement>;
  readonly onRun: (jobId: string) => void;
  readonly onPause: (jobId: string, isPaused: boolean) => void;
};

/** A row of the list of jobs. Renders again only when the job changes. */
export const JobRow = memo(({ job, isPaused, index, ref, onRun, onPause }: JobRowProps) => (
  <tr ref={ref} className="jobs-row" aria-rowindex={index + 2} data-index={index}>
    <td className="jobs-name">
      <Link href={`/jobs/${job.id}`} title={job.name} data-row data-job={job.id}>
        {job.name}
      </Link>
      {!job.enabled && <span className="tag">disabled</span>}
      {job.paused && <span className="tag">paused</span>}
      <Tags tags={job.tags} />
      {job.name !== job.id && <small className="mono muted">{job.id}</small>}
    </td>
    <td className="jobs-schedule">
      <Schedule job={job} />
    </td>
    <td className="jobs-next">
      <Next job={job} isPaused={isPaused} />
    </td>
    <td className="jobs-last">
      <Last job={job} />
    </td>
    <td className="jobs-recent">
      {job.recent_runs !== undefined && (
        <RecentBars
          runs={job.recent_runs}
          maxRuns={RECENT_RUNS}
          active={activeOf(job)}
          isWaiting={activityStatus(job) === "waiting"}
        />
      )}
    </td>
    <td className="number jobs-success">{job.not_run_as_expected == null ? rateText(job.success_rate) : "–"}</td>
    <td className="number jobs-usual">
      <Duration ms={job.usual_duration_ms ?? null} />
    </td>
    <td className="number jobs-change" data-slower={isSlower(job.duration_change)}>
      {job.duration_change != null && <Change change={job.duration_change} />}
    </td>
    <td className="number jobs-run">
      {job.scheduled && (
        <ActionButton
          needs="operator"
          isOnce
          kind="quiet"
          aria-label={`${job.paused ? "Resume" : "Pause"} ${job.name}`}
          onClick={() => onPause(job.id, !job.paused)}
        >
          {job.paused ? "Resume" : "Pause"}
        </ActionButton>
      )}
      <ActionButton needs="operator" aria-label={`Run now: ${job.name}`} onClick={() => onRun(job.id)}>
        Run
      </ActionButton>
    </td>
  </tr>
));

/** Returns what the unfinished runs do, as one text; empty if that is more than the newest runs. */
const activeOf = (job: JobSummary): string => {
  const unfinished = job.recent_runs?.filter(({ status }) => !isFinal(status)).length ?? 0;
  return unfinished === job.running + (job.pending ?? 0) ? activeTexts(job).join(", ") : "";
};

const Schedule = ({ job: { schedule, timezone, next_start_at } }: { readonly job: JobSummary }) => {
  const zone = useScheduleZone(timezone);
  if (schedule === null) return <span className="muted">Manual only</span>;
  const isElsewhere = next_start_at !== null && zonedText(next_start_at, zone) !== null;
  return (
    <>
      {scheduleText(schedule)}
      {isElsewhere && ` (${zone})`}
      <small className="mono muted">
        {schedule.join(" · ")}
        {timezone !== null && !isElsewhere && ` ${timezone}`}
      </small>
    </>
  );
};

const Next = ({ job, isPaused }: Pick<JobRowProps, "job" | "isPaused">) => {
  const zone = useScheduleZone(job.timezone);
  if (job.next_start_at === null)
    return <span className="muted">{job.enabled && startsAtBoot(job.schedule ?? []) ? "at boot" : "–"}</span>;
  if (isPaused || job.paused) return <span className="muted">paused</span>;
  return (
    <>
      <Countdown at={job.next_start_at} zone={zone} isFocusable={false} />
      <ZoneNote at={job.next_start_at} zone={zone} />
    </>
  );
};

const Last = ({ job }: { readonly job: JobSummary }) => {
  const { last_run, not_run_as_expected: unfired, expectation } = job;
  const active = activityStatus(job);
  if (expectation?.stale_since != null && active === null) {
    return (
      <>
        <span className="jobs-stale">
          <StatusIcon of="missed" label="No run has completed in time: " /> stale
        </span>
        <small className="muted">
          since <Time at={expectation.stale_since} isFocusable={false} />
        </small>
      </>
    );
  }
  if (unfired != null && active === null) {
    return (
      <>
        <span className="jobs-unfired">
          <StatusIcon of="missed" label="Not run as expected: " /> {unfiredState(unfired)}
        </span>
        <small className="muted">
          since <Time at={unfired.since} isFocusable={false} />
        </small>
      </>
    );
  }
  if (last_run === null) return <span className="muted">never</span>;
  return (
    <>
      <Link href={`/runs/${last_run.id}`}>
        {active === null ? (
          <RunStatusText run={last_run} />
        ) : (
          <Status of={active} label={activityWords(job) ?? active} />
        )}
      </Link>
      <small className="muted">
        {last_run.started_at !== null && <Time at={last_run.started_at} isFocusable={false} />}
      </small>
    </>
  );
};

const Change = ({ change }: { readonly change: DurationChangeData }) => (
  <Tooltip text={changeSentence(change, durationText)} isFocusable={false}>
    {changeText(change)}
  </Tooltip>
);

const isSlower = (change: JobSummary["duration_change"]): boolean | undefined =>
  (change != null && change.recent_ms > change.before_ms) || undefined;

/** Rounds down, so that a single failure never shows as 100 %. */
const rateText = (rate: number | null | undefined): string =>
  rate === null || rate === undefined ? "–" : `${Math.floor(rate * 100)} %`;
