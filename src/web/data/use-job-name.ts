import { useQuery } from "@tanstack/react-query";
import { jobsQuery } from "./queries.ts";

/** Returns the name of a job, or its id if the job was removed. */
export const useJobName = (jobId: string): string => {
  const { data } = useQuery({ ...jobsQuery(), select: ({ jobs }) => jobs.find(({ id }) => id === jobId)?.name });
  return data ?? jobId;
};
