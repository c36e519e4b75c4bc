import type { QueryFunction } from "@tanstack/react-query";
import type {
  definitionQuery,
  healthQuery,
  jobQuery,
  jobsQuery,
  notificationsQuery,
  occurrencesQuery,
  runQuery,
  runsQuery,
  runTasksQuery,
  schedulerQuery,
  statsQuery,
  systemQuery,
  timelineQuery,
} from "./queries.ts";

/** What a query answers with, as the server itself declares it. */
type AnswerOf<Query extends (...given: never[]) => { readonly queryFn?: unknown }> =
  ReturnType<Query>["queryFn"] extends QueryFunction<infer Data, never> | undefined ? Data : never;

type ListAnswer<Query, Name extends string> = Query extends { readonly [K in Name]: readonly (infer Item)[] }
  ? Item
  : never;

export type JobSummary = ListAnswer<AnswerOf<typeof jobsQuery>, "jobs">;
export type RecentRun = NonNullable<JobSummary["recent_runs"]>[number];
export type JobDetail = AnswerOf<typeof jobQuery>;
export type Definition = AnswerOf<typeof definitionQuery>;
export type Task = JobDetail["tasks"][number];
export type Param = JobDetail["params"][string];
export type Run = ListAnswer<AnswerOf<typeof runsQuery>, "runs">;
export type RunDetail = AnswerOf<typeof runQuery>;
export type TaskRun = ListAnswer<AnswerOf<typeof runTasksQuery>, "tasks">;
export type Attempt = TaskRun["attempt_list"][number];
export type Occurrence = ListAnswer<AnswerOf<typeof occurrencesQuery>, "occurrences">;
export type Health = AnswerOf<typeof healthQuery>;
export type SchedulerState = AnswerOf<typeof schedulerQuery>;
export type Stats = AnswerOf<typeof statsQuery>;
export type Timeline = AnswerOf<typeof timelineQuery>;
export type TimelineJob = Timeline["jobs"][number];
export type System = AnswerOf<typeof systemQuery>;
export type Notification = ListAnswer<AnswerOf<typeof notificationsQuery>, "notifications">;
