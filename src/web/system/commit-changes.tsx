import { Fragment, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { jobsDiffText } from "../../domain/words/versions/jobs-diff.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import type { JobsDiffData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { ChangedFields } from "../ui/changed-fields.tsx";
import { capital } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";
import { Commit, CommitProblems } from "./commit.tsx";
import "./commit-changes.css";

/** Number of jobs of a list that are shown at first. */
const FIRST = 20;

/** Shows the jobs that a commit would add, remove and change, or its problems. */
export const CommitChanges = ({ diff }: { readonly diff: JobsDiffData }) => {
  const { commit, in_use: inUse, problems, added, removed, changed } = diff;
  return (
    <div className="commit-changes">
      <p>
        <Commit commit={commit} />
      </p>
      <p role="status">
        <strong>{capital(jobsDiffText(diff))}</strong>
        {inUse === null
          ? ", compared with nothing"
          : commit.id === inUse.id
            ? ": it is in use"
            : `, compared with ${shortCommit(inUse.id)}, which is in use`}
        .
      </p>
      {problems.length > 0 && <CommitProblems problems={problems} />}
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
};

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
