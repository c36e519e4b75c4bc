import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "./queries.ts";
import type { WorkersData } from "./shapes.ts";

/** Returns whether petit runs with workers, or knows some. */
export const useHasWorkers = (): boolean => useQuery({ ...workersQuery(), select: hasWorkers }).data ?? false;

const hasWorkers = ({ nats, count }: WorkersData): boolean => nats !== null || count > 0;
