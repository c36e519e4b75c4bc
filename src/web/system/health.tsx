import type { SystemData } from "../data/shapes.ts";
import { type AnyStatus, StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { counted } from "../ui/text/format.ts";

type HealthStatus = SystemData["health"]["status"];

const STATUS_TEXT = {
  ok: { title: "petit is healthy", like: "completed" },
  degraded: { title: "petit is degraded", like: "missed" },
  unavailable: { title: "petit is unavailable", like: "failed" },
  starting: { title: "petit is starting", like: "pending" },
  stopping: { title: "petit is stopping", like: "pending" },
} as const satisfies Record<HealthStatus, { readonly title: string; readonly like: AnyStatus }>;

export const Health = ({ system }: { readonly system: SystemData }) => {
  const { status } = system.health;
  const { title, like } = STATUS_TEXT[status];
  return (
    <section className="card system-health" style={statusStyle(like)} data-health={status}>
      <h2>
        <StatusIcon of={like} label={`${status}:`} /> {title}
      </h2>
      <Why system={system} />
    </section>
  );
};

const Why = ({ system: { health, problems, jobs } }: { readonly system: SystemData }) => {
  switch (health.status) {
    case "ok":
      return <p>All job files are valid, and the database is writable. {counted(jobs, "job")}.</p>;
    case "degraded":
      return (
        <>
          {problems.length > 0 && (
            <p>
              <a href="#problems">{counted(problems.length, "problem")}</a> in {counted(filesOf(problems), "job file")}.
              The jobs of a broken file keep their last good version.
            </p>
          )}
          <Reasons reasons={health.reasons.filter(({ code }) => code !== "job_file_broken")} />
        </>
      );
    case "unavailable":
      return (
        <>
          <p>The database can’t be written. No run starts until it can.</p>
          <Reasons reasons={health.reasons} />
        </>
      );
    case "starting":
      return <p>petit reads the job files and recovers the runs of the previous process. Triggers wait for that.</p>;
    case "stopping":
      return <p>petit accepts no triggers until it is started again.</p>;
  }
};

const Reasons = ({ reasons }: { readonly reasons: SystemData["health"]["reasons"] }) =>
  reasons.length === 0 ? null : (
    <ul>
      {reasons.map(({ message }) => (
        <li key={message} className="mono">
          {message}
        </li>
      ))}
    </ul>
  );

const filesOf = (problems: SystemData["problems"]): number => new Set(problems.map(({ file }) => file)).size;
