import { useConnectionState } from "../data/live/connection.tsx";

const TEXT = {
  reconnecting: "petit went away. What you see is what was; this page goes on as soon as it is back.",
  offline: "petit has been away for a while. What you see is what was; this page goes on looking for it.",
} as const;

/** A line below the header while petit can't be reached. */
export const Outage = () => {
  const state = useConnectionState();
  if (state !== "reconnecting" && state !== "offline") return null;
  return (
    <p className="shell-outage" role="status">
      {TEXT[state]}
    </p>
  );
};
