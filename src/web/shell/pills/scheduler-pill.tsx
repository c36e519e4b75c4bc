import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { schedulerQuery } from "../../data/queries.ts";
import { statusStyle } from "../../ui/status/status.tsx";

/** Shows the state of the scheduler unless it is running. */
export const SchedulerPill = () => {
  const { data } = useQuery(schedulerQuery());
  if (data === undefined || data.state === "running") return null;
  return (
    <Link href="/system" className="status status-pill" data-scheduler={data.state} style={statusStyle("missed")}>
      <span aria-hidden>❙❙</span> {data.state === "paused" ? "Paused" : "Stopped"}
    </Link>
  );
};
