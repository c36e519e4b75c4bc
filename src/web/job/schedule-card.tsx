import { useQuery } from "@tanstack/react-query";
import { AT_NEXT_BOOT, NO_BOOT_YET, startsAtBoot } from "../../domain/schedule/boot.ts";
import { occurrencesQuery, schedulerQuery } from "../data/queries.ts";
import { useScheduleZone } from "../data/selected.ts";
import type { JobDetail } from "../data/shapes.ts";
import { capital, zonedText } from "../ui/text/format.ts";
import { scheduleText } from "../ui/text/schedule-text.ts";
import { PausedSince } from "../ui/time/paused-since.tsx";
import { Countdown, ZonedTime } from "../ui/time/time.tsx";

const NEXT = 5;

/** Shows the schedule of a job and its next occurrences. */
export const ScheduleCard = ({ job }: { readonly job: JobDetail }) => {
  const zone = useScheduleZone(job.timezone);
  return (
    <section className="card" aria-labelledby="schedule">
      <h2 id="schedule">Schedule</h2>
      {job.schedule === null ? (
        <p className="muted">This job has no schedule. It runs when it is triggered.</p>
      ) : (
        <>
          <p className="job-schedule-words">
            {scheduleText(job.schedule)}
            {job.next_run_at !== null && zonedText(job.next_run_at, zone) !== null && ` (${zone})`}
          </p>
          <p className="mono muted">
            {job.schedule.join(" · ")}{" "}
            {!job.schedule.every((text) => startsAtBoot([text])) &&
              (job.timezone ?? (zone === null ? "in petit's time zone" : `${zone}, petit's time zone`))}
          </p>
          <Next job={job} zone={zone} />
        </>
      )}
    </section>
  );
};

const Next = ({ job, zone }: { readonly job: JobDetail; readonly zone: string | null }) => {
  const scheduler = useQuery(schedulerQuery()).data;
  const { data } = useQuery(occurrencesQuery(job.id, { limit: 1, coming: NEXT }));
  if (!job.enabled) return <p className="muted">The job is disabled, so its schedule has no effect.</p>;
  const atBoot = startsAtBoot(job.schedule ?? []);
  const coming = (data?.occurrences ?? []).filter(({ outcome }) => outcome === "due").toReversed();
  return (
    <>
      {job.paused && (
        <p className="job-paused">
          This job is paused
          <PausedSince at={job.paused_at} by={job.paused_by} />: these occurrences are skipped until it is resumed.
        </p>
      )}
      {scheduler?.is_paused === true && (
        <p className="job-paused">
          The scheduler is paused
          <PausedSince at={scheduler.paused_at} by={scheduler.paused_by} />: these occurrences are skipped until it is
          resumed.
        </p>
      )}
      <ol className="job-next">
        {coming.map(({ scheduled_for }, index) => (
          <li key={scheduled_for}>
            <ZonedTime at={scheduled_for} zone={zone} />
            {index === 0 && (
              <span className="muted">
                <Countdown at={startOf(job, scheduled_for)} zone={zone} />
                {startOf(job, scheduled_for) !== scheduled_for && ", by jitter"}
              </span>
            )}
          </li>
        ))}
        {atBoot && (
          <li>
            {capital(AT_NEXT_BOOT)}
            {data?.occurrences.length === 0 && <span className="muted"> {capital(NO_BOOT_YET)}.</span>}
          </li>
        )}
      </ol>
    </>
  );
};

/** Returns when an occurrence starts a run, which is known of the next one; jitter delays it. */
const startOf = ({ next_run_at, next_start_at }: JobDetail, scheduledFor: number): number =>
  scheduledFor === next_run_at ? (next_start_at ?? scheduledFor) : scheduledFor;
