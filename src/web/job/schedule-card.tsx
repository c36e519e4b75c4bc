import { useQuery } from "@tanstack/react-query";
import { occurrencesQuery, schedulerQuery } from "../data/queries.ts";
import type { JobDetail } from "../data/shapes.ts";
import { fullTimeText } from "../ui/text/format.ts";
import { scheduleText } from "../ui/text/schedule-text.ts";
import { Countdown, Time } from "../ui/time/time.tsx";

const NEXT = 5;

/** Shows the schedule of a job and its next occurrences. */
export const ScheduleCard = ({ job }: { readonly job: JobDetail }) => (
  <section className="card" aria-labelledby="schedule">
    <h2 id="schedule">Schedule</h2>
    {job.schedule === null ? (
      <p className="muted">This job has no schedule. It runs when it is triggered.</p>
    ) : (
      <>
        <p className="job-schedule-words">{scheduleText(job.schedule)}</p>
        <p className="mono muted">
          {job.schedule.join(" · ")} {job.timezone ?? "in petit's time zone"}
        </p>
        <Next job={job} />
      </>
    )}
  </section>
);

/** Returns true if the time zone of the schedule shows another time than the local one. */
const hasOtherTime = ({ timezone }: JobDetail, at: number | undefined): boolean =>
  at !== undefined && timezone !== null && fullTimeText(at, timezone) !== fullTimeText(at);

const Next = ({ job }: { readonly job: JobDetail }) => {
  const isPaused = useQuery(schedulerQuery()).data?.is_paused ?? false;
  const { data } = useQuery(occurrencesQuery(job.id, { limit: 1, coming: NEXT }));
  if (!job.enabled) return <p className="muted">The job is disabled, so its schedule has no effect.</p>;
  const coming = (data?.occurrences ?? []).filter(({ outcome }) => outcome === "due").toReversed();
  return (
    <>
      {hasOtherTime(job, coming[0]?.scheduled_for) && <p className="job-zone muted">In your time zone:</p>}
      {job.paused && (
        <p className="job-paused">
          This job is paused{" "}
          {job.paused_at !== null && (
            <>
              since <Time at={job.paused_at} />
            </>
          )}
          {job.paused_by !== null && ` by ${job.paused_by}`}: these occurrences are skipped until it is resumed.
        </p>
      )}
      {isPaused && (
        <p className="job-paused">The scheduler is paused: these occurrences are skipped until it is resumed.</p>
      )}
      <ol className="job-next">
        {coming.map(({ scheduled_for }, index) => (
          <li key={scheduled_for}>
            <Time at={scheduled_for} zone={job.timezone} />
            {index === 0 && (
              <span className="muted">
                <Countdown at={scheduled_for} zone={job.timezone} />
              </span>
            )}
          </li>
        ))}
      </ol>
    </>
  );
};
