import { useConnectionState } from "../data/live/connection.tsx";

const TEXT = {
  reconnecting: "petit is unreachable. This page shows the last known state and reconnects automatically.",
  offline:
    "petit has been unreachable for a while. This page shows the last known state and keeps trying to reconnect.",
} as const;

/** A line below the header while petit is unreachable. */
export const Outage = () => {
  const state = useConnectionState();
  if (state !== "reconnecting" && state !== "offline") return null;
  return (
    <p className="shell-outage" role="status">
      {TEXT[state]}
    </p>
  );
};
