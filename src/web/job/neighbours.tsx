import { Link } from "wouter";
import { formatDuration } from "../../lib/duration.ts";
import type { JobDetail } from "../data/shapes.ts";

/** Shows the jobs that a job depends on or runs, and those that depend on it or run it. Renders nothing if there are none. */
export const Neighbours = ({ job }: { readonly job: JobDetail }) => {
  const runs = job.tasks.flatMap(({ id, runs_job }) => (runs_job === null ? [] : [{ task_id: id, ...runs_job }]));
  if ([job.depends_on, job.dependents, job.callers, runs].every(({ length }) => length === 0)) return null;
  return (
    <section className="card" aria-labelledby="neighbours">
      <h2 id="neighbours">Dependencies</h2>
      <dl className="facts">
        <Gates name="Requires" gates={job.depends_on} />
        <Gates name="Required by" gates={job.dependents} />
        <Calls name="Runs" calls={runs} />
        <Calls name="Run by" calls={job.callers} />
      </dl>
    </section>
  );
};

type GateData = JobDetail["depends_on"][number];

const Gates = ({ name, gates }: { readonly name: string; readonly gates: readonly GateData[] }) =>
  gates.length > 0 && (
    <div className="shortcut">
      <dt>{name}</dt>
      <dd>
        {gates.map((gate) => (
          <div key={`${gate.job_id} ${gate.condition}`}>
            <Link href={`/jobs/${gate.job_id}`}>{gate.job_id}</Link> <span className="muted">{gateText(gate)}</span>
          </div>
        ))}
      </dd>
    </div>
  );

type CallsProps = {
  readonly name: string;
  readonly calls: readonly { readonly job_id: string; readonly task_id: string }[];
};

const Calls = ({ name, calls }: CallsProps) =>
  calls.length > 0 && (
    <div className="shortcut">
      <dt>{name}</dt>
      <dd>
        {calls.map(({ job_id, task_id }) => (
          <div key={`${job_id} ${task_id}`}>
            <Link href={`/jobs/${job_id}`}>{job_id}</Link> <span className="muted">task {task_id}</span>
          </div>
        ))}
      </dd>
    </div>
  );

const gateText = ({ condition, window_ms }: GateData): string => {
  if (condition === "within_window") return `completed within the last ${formatDuration(window_ms ?? 0)}`;
  return condition === "last_success" ? "last run completed" : "last run completed or failed";
};
