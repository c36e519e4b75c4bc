import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { healthQuery } from "../../data/queries.ts";
import { StatusIcon, statusStyle } from "../../ui/status/status.tsx";

const LABELS = {
  degraded: { word: "Degraded", like: "missed" },
  unavailable: { word: "Unavailable", like: "failed" },
  starting: { word: "Starting", like: "pending" },
  stopping: { word: "Stopping", like: "pending" },
} as const;

/** Shows the health of petit unless it is ok. */
export const HealthPill = () => {
  const { data } = useQuery(healthQuery());
  if (data === undefined || data.status === "ok") return null;
  const { word, like } = LABELS[data.status];
  return (
    <Link href="/system" className="status status-pill" style={statusStyle(like)}>
      <StatusIcon of={like} /> {word}
    </Link>
  );
};
