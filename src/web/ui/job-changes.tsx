import { Fragment, type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { JobsDiffData } from "../data/shapes.ts";
import { Button } from "./button.tsx";
import { ChangedFields } from "./changed-fields.tsx";
import "./style/job-changes.css";
import { capital } from "./text/format.ts";
import { Time } from "./time/time.tsx";

/** Number of jobs of a list that are shown at first. */
const FIRST = 20;

type JobChangesProps = { readonly diff: Pick<JobsDiffData, "added" | "removed" | "changed"> };

/** Shows jobs that would be added, removed and changed, field by field, and when they are due next. */
export const JobChanges = ({ diff: { added, removed, changed } }: JobChangesProps) => (
  <div className="job-changes">
    <Jobs title="Added" jobs={added}>
      {({ id, file, next }) => (
        <>
          <JobName id={id} file={file} isKnown={false} />
          <Next title="next" times={next} />
        </>
      )}
    </Jobs>
    <Jobs title="Removed" jobs={removed}>
      {({ id, file, next }) => (
        <>
          <JobName id={id} file={file} isKnown />
          <Next title="next would be" times={next} />
        </>
      )}
    </Jobs>
    <Jobs title="Changed" jobs={changed}>
      {({ id, file, former_id: formerId, changes, next, move }) => (
        <>
          <JobName id={id} file={file} isKnown={formerId === null} />
          {formerId !== null && (
            <p>
              Was <JobLink id={formerId} />
            </p>
          )}
          {move !== null && (
            <p data-move={move.kind}>
              <strong>{capital(move.message)}</strong>
            </p>
          )}
          <ChangedFields changes={changes} />
          {next !== null && <Next title="next before" times={next.before} />}
          {next !== null && <Next title="next after" times={next.after} />}
        </>
      )}
    </Jobs>
  </div>
);

type JobsProps<Job> = {
  readonly title: string;
  readonly jobs: readonly Job[];
  readonly children: (job: Job) => ReactNode;
};

const Jobs = <Job extends { readonly id: string }>({ title, jobs, children }: JobsProps<Job>) => {
  const [isWhole, setWhole] = useState(false);
  if (jobs.length === 0) return null;
  return (
    <section aria-label={title}>
      <h4>{title}</h4>
      <ul>
        {(isWhole ? jobs : jobs.slice(0, FIRST)).map((job) => (
          <li key={job.id} data-job={job.id}>
            {children(job)}
          </li>
        ))}
      </ul>
      {jobs.length > FIRST && !isWhole && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show all {jobs.length.toLocaleString()}
        </Button>
      )}
    </section>
  );
};

type JobNameProps = {
  readonly id: string;
  readonly file: string;
  /** Whether there is such a job now. */
  readonly isKnown: boolean;
};

const JobName = ({ id, file, isKnown }: JobNameProps) => (
  <p>
    {isKnown ? <JobLink id={id} /> : <strong>{id}</strong>} <span className="muted mono">{file}</span>
  </p>
);

const JobLink = ({ id }: { readonly id: string }) => <Link href={`/jobs/${encodeURIComponent(id)}`}>{id}</Link>;

const Next = ({ title, times }: { readonly title: string; readonly times: readonly number[] }) => (
  <p className="muted">
    {capital(title)}:{" "}
    {times.length === 0
      ? "never"
      : times.map((at, index) => (
          <Fragment key={at}>
            {index > 0 && " · "}
            <Time at={at} isFocusable={false} />
          </Fragment>
        ))}
  </p>
);
