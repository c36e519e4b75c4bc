import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { useConnectionState } from "../data/live/connection.tsx";
import type { ConnectionState } from "../data/live-stream.ts";
import { healthQuery, schedulerQuery, sessionQuery } from "../data/queries.ts";
import { type AnyStatus, StatusIcon, statusStyle } from "../ui/status/status.tsx";

const HEALTH_LABELS = {
  degraded: { word: "Degraded", like: "missed" },
  unavailable: { word: "Unavailable", like: "failed" },
  starting: { word: "Starting", like: "pending" },
  stopping: { word: "Stopping", like: "pending" },
} as const;

/** Shows the health of petit unless it is ok. */
export const HealthPill = () => {
  const { data } = useQuery(healthQuery());
  if (data === undefined || data.status === "ok") return null;
  const { word, like } = HEALTH_LABELS[data.status];
  return (
    <Link href="/system" className="status status-pill" style={statusStyle(like)}>
      <StatusIcon of={like} /> {word}
    </Link>
  );
};

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

const CONNECTION_LABELS = {
  connecting: { word: "Connecting", like: "pending" },
  connected: { word: "Live", like: "completed" },
  reconnecting: { word: "Reconnecting", like: "missed" },
  offline: { word: "Offline", like: "failed" },
  locked: { word: "Locked", like: "pending" },
} as const satisfies Record<ConnectionState, { readonly word: string; readonly like: AnyStatus }>;

/** Shows whether the page receives live updates. */
export const ConnectionPill = () => {
  const state = useConnectionState();
  const { word, like } = CONNECTION_LABELS[state];
  return (
    <span className="status status-pill" role="status" data-connection={state} style={statusStyle(like)}>
      <StatusIcon of={like} />
      <span className="connection-word">{word}</span>
    </span>
  );
};

/** Shows who is logged in, if the token has a name. */
export const SessionPill = () => {
  const isConnected = useConnectionState() === "connected";
  const { data } = useQuery({ ...sessionQuery(), enabled: isConnected });
  if (data === undefined || data.name === null) return null;
  return (
    <Link href="/system#session" className="shell-person" title={`Logged in as ${data.name}, ${data.role}`}>
      {data.name}
    </Link>
  );
};
