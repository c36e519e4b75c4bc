import { useQuery } from "@tanstack/react-query";
import { isAtLeast, type Role } from "../../domain/people/role.ts";
import { jobsQuery, sessionQuery, systemQuery, workersQuery } from "./queries.ts";
import type { SystemData, WorkersData } from "./shapes.ts";

/** Returns whether petit runs with workers, or knows some. */
export const useHasWorkers = (): boolean => useQuery({ ...workersQuery(), select: hasWorkers }).data ?? false;

const hasWorkers = ({ nats, count }: WorkersData): boolean => nats !== null || count > 0;

/** Returns the name of a job, or its id if the job was removed. */
export const useJobName = (jobId: string): string => {
  const { data } = useQuery({ ...jobsQuery(), select: ({ jobs }) => jobs.find(({ id }) => id === jobId)?.name });
  return data ?? jobId;
};

/** Returns the time zone of a schedule: its own, or else petit's. Null until petit's is known. */
export const useScheduleZone = (timezone: string | null): string | null => {
  const { data } = useQuery({
    ...systemQuery(),
    enabled: timezone === null,
    refetchInterval: false,
    select: timezoneOf,
  });
  return timezone ?? data ?? null;
};

const timezoneOf = ({ timezone }: SystemData): string => timezone;

/**
 * Returns whether the user may do what needs a role. What needs an admin concerns all jobs, which nobody may who is limited to some. True
 * until that is known: petit decides, and most users may. It sends no request, because the header does.
 */
export const useMay = (needed: Role): boolean => {
  const { data } = useQuery({ ...sessionQuery(), enabled: false });
  if (data === undefined) return true;
  return isAtLeast(data.role, needed) && (needed !== "admin" || data.scope === null);
};

/** Returns whether the job files can be edited on the page, by its user. */
export const useIsEditing = (): boolean => {
  const isOn = useQuery({ ...systemQuery(), refetchInterval: false, select: isEditing }).data ?? false;
  return useMay("admin") && isOn;
};

const isEditing = ({ editing }: SystemData): boolean => editing ?? false;
