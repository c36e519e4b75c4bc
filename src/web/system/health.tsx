import type { SystemData } from "../data/shapes.ts";
import { type AnyStatus, StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { counted } from "../ui/text/format.ts";

type HealthStatus = SystemData["health"]["status"];

const STATUS_TEXT = {
  ok: { title: "petit is well", like: "completed" },
  degraded: { title: "petit works, but something is wrong", like: "missed" },
  unavailable: { title: "petit can't work", like: "failed" },
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
      return <p>Every job file is good, and the database can be written. {counted(jobs, "job")} in all.</p>;
    case "degraded":
      return (
        <p>
          <a href="#problems">{counted(problems.length, "problem")}</a> in {counted(filesOf(problems), "job file")}.
          What such a file last said goes on to count.
        </p>
      );
    case "unavailable":
      return (
        <>
          <p>The database can’t be written: nothing is started until it can.</p>
          <ul>
            {health.reasons.map((reason) => (
              <li key={reason.code} className="mono">
                {reason.message}
              </li>
            ))}
          </ul>
        </>
      );
  }
};

const filesOf = (problems: SystemData["problems"]): number => new Set(problems.map(({ file }) => file)).size;
