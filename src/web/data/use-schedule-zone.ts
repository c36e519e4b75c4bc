import { useQuery } from "@tanstack/react-query";
import { systemQuery } from "./queries.ts";
import type { SystemData } from "./shapes.ts";

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
