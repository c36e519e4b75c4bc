import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { useConnectionState } from "../../data/live/connection.tsx";
import { sessionQuery } from "../../data/queries.ts";

/** Shows who is logged in, if the token has a name. */
export const SessionPill = () => {
  const isConnected = useConnectionState() === "connected";
  const { data } = useQuery({ ...sessionQuery(), enabled: isConnected });
  if (data === undefined || data.name === null) return null;
  return (
    <Link href="/system#session" className="shell-person" title={`Logged in as ${data.name}`}>
      {data.name}
    </Link>
  );
};
