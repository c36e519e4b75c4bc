import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { lazyDialog } from "../data/lazy-dialog.tsx";
import { useConnectionState } from "../data/live/connection.tsx";
import type { ConnectionState } from "../data/live-stream.ts";
import { healthQuery, schedulerQuery, sessionQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
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
  const { state, paused_by: by = null } = data;
  return (
    <Link
      href="/system"
      className="status status-pill"
      data-scheduler={state}
      style={statusStyle("missed")}
      title={by === null ? undefined : `Paused by ${by}`}
    >
      <span aria-hidden>❙❙</span> {state === "paused" ? "Paused" : "Stopped"}
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

const PersonDialog = lazyDialog(async () => (await import("../person/person-dialog.tsx")).PersonDialog);

/** Says who the user is, and opens what that means. */
export const PersonButton = () => {
  const isConnected = useConnectionState() === "connected";
  const { data } = useQuery({ ...sessionQuery(), enabled: isConnected });
  const [isOpen, setOpen] = useState(false);
  if (data === undefined) return null;
  const text = data.name ?? (data.needs_token ? data.role : "no token");
  return (
    <>
      <Button kind="quiet" className="shell-person" aria-label={`You: ${text}`} onClick={() => setOpen(true)}>
        <svg viewBox="0 0 16 16" aria-hidden>
          <circle cx="8" cy="5" r="3" />
          <path d="M2 15a6 6 0 0 1 12 0" />
        </svg>
        <span>{text}</span>
      </Button>
      {isOpen && <PersonDialog session={data} onClose={() => setOpen(false)} />}
    </>
  );
};
