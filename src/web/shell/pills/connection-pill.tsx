import { useConnectionState } from "../../data/live/connection.tsx";
import type { ConnectionState } from "../../data/live-stream.ts";
import { type AnyStatus, StatusIcon, statusStyle } from "../../ui/status/status.tsx";

const LABELS = {
  connecting: { word: "Connecting", like: "pending" },
  connected: { word: "Live", like: "completed" },
  reconnecting: { word: "Reconnecting", like: "missed" },
  offline: { word: "Offline", like: "failed" },
  locked: { word: "Locked", like: "pending" },
} as const satisfies Record<ConnectionState, { readonly word: string; readonly like: AnyStatus }>;

/** Shows whether the page receives live updates. */
export const ConnectionPill = () => {
  const state = useConnectionState();
  const { word, like } = LABELS[state];
  return (
    <span className="status status-pill" role="status" data-connection={state} style={statusStyle(like)}>
      <StatusIcon of={like} />
      <span className="connection-word">{word}</span>
    </span>
  );
};
