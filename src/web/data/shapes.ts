import type { QueryFunction } from "@tanstack/react-query";
import type {
  artifactsQuery,
  attentionQuery,
  backfillQuery,
  comparisonQuery,
  definitionQuery,
  deliveriesQuery,
  durationsQuery,
  jobQuery,
  jobsDiffQuery,
  jobsQuery,
  notificationsQuery,
  occurrencesQuery,
  reviewQuery,
  runItemsQuery,
  runQuery,
  runsQuery,
  runTasksQuery,
  sessionQuery,
  statsQuery,
  systemQuery,
  taskHistoryQuery,
  versionQuery,
  versionsQuery,
  workersQuery,
} from "./queries.ts";

/** The data of a query, as the server declares it. */
type AnswerOf<Query extends (...given: never[]) => { readonly queryFn?: unknown }> =
  ReturnType<Query>["queryFn"] extends QueryFunction<infer Data, never> | undefined ? Data : never;

type ListAnswer<Query, Name extends string> = Query extends { readonly [K in Name]: readonly (infer Item)[] }
  ? Item
  : never;

export type JobSummary = ListAnswer<AnswerOf<typeof jobsQuery>, "jobs">;
export type RecentRunData = NonNullable<JobSummary["recent_runs"]>[number];
export type JobDetail = AnswerOf<typeof jobQuery>;
export type DefinitionData = AnswerOf<typeof definitionQuery>;
export type VersionData = AnswerOf<typeof versionsQuery>["versions"][number];
export type JobsDiffData = AnswerOf<typeof jobsDiffQuery>;
export type VersionComparison = AnswerOf<typeof versionQuery>;
export type TaskData = JobDetail["tasks"][number];
export type ParamData = JobDetail["params"][string];
export type RunData = ListAnswer<AnswerOf<typeof runsQuery>, "runs">;
export type RunDetail = AnswerOf<typeof runQuery>;
export type ArtifactData = ListAnswer<AnswerOf<typeof artifactsQuery>, "artifacts">;
export type TaskRunData = ListAnswer<AnswerOf<typeof runTasksQuery>, "tasks">;
export type ItemCountsData = NonNullable<TaskRunData["items"]>;
export type ItemData = ListAnswer<AnswerOf<typeof runItemsQuery>, "items">;
export type AttemptData = TaskRunData["attempt_list"][number];
export type DeliveryData = ListAnswer<AnswerOf<typeof deliveriesQuery>, "deliveries">;
export type BackfillData = AnswerOf<typeof backfillQuery>;
export type OccurrenceData = ListAnswer<AnswerOf<typeof occurrencesQuery>, "occurrences">;
export type TaskHistoryData = AnswerOf<typeof taskHistoryQuery>;
export type DurationsData = AnswerOf<typeof durationsQuery>;
export type ReviewData = AnswerOf<typeof reviewQuery>;
export type StatsData = AnswerOf<typeof statsQuery>;
export type SessionData = AnswerOf<typeof sessionQuery>;
export type SystemData = AnswerOf<typeof systemQuery>;
export type NotificationData = ListAnswer<AnswerOf<typeof notificationsQuery>, "notifications">;
export type AttentionItem = ListAnswer<AnswerOf<typeof attentionQuery>, "items">;
export type WorkersData = AnswerOf<typeof workersQuery>;
export type WorkerData = ListAnswer<WorkersData, "workers">;
export type ComparisonData = AnswerOf<typeof comparisonQuery>;
