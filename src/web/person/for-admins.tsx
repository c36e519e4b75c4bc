import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isAtLeast } from "../../domain/people/role.ts";
import { sessionQuery } from "../data/queries.ts";
import { Empty, Loading } from "../ui/states.tsx";

type ForAdminsProps = {
  /** What admins see here. */
  readonly what: string;
  readonly children: ReactNode;
};

/** A part that only admins see who are not limited to some jobs. Nothing is requested for others. */
export const ForAdmins = ({ what, children }: ForAdminsProps) => {
  const { data } = useQuery({ ...sessionQuery(), enabled: false });
  if (data === undefined) return <Loading what={what} />;
  return isAtLeast(data.role, "admin") && data.scope === null ? children : <Empty title={`Only admins see ${what}`} />;
};
