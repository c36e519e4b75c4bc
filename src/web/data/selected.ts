import { useQuery } from "@tanstack/react-query";
import { jobsQuery, systemQuery, workersQuery } from "./queries.ts";
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
