import { Link } from "wouter";
import { formatDuration } from "../../lib/duration.ts";
import type { JobDetail } from "../data/shapes.ts";

/** The jobs that a job waits for, and those that wait for it; nothing where it stands alone. */
export const Neighbours = ({ job }: { readonly job: JobDetail }) => {
  if (job.depends_on.length === 0 && job.dependents.length === 0) return null;
  return (
    <section className="card" aria-labelledby="neighbours">
      <h2 id="neighbours">Other jobs</h2>
      <dl className="facts">
        <Gates name="Runs only if" gates={job.depends_on} />
        <Gates name="Is waited for by" gates={job.dependents} />
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

const gateText = ({ condition, window_ms }: GateData): string => {
  if (condition === "within_window") return `completed within ${formatDuration(window_ms ?? 0)}`;
  return condition === "last_success" ? "completed last" : "completed or failed last";
};
