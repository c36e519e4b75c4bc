import type { ResponseBody } from "../../../client/routes.ts";

// The data of the terminal dashboard, as the server declares it.

export type TopJob = ResponseBody<"get", "/api/jobs">["jobs"][number];
export type TopJobDetail = ResponseBody<"get", "/api/jobs/:job_id">;
export type TopOccurrence = ResponseBody<"get", "/api/jobs/:job_id/occurrences">["occurrences"][number];
export type TopRun = ResponseBody<"get", "/api/runs">["runs"][number];
export type TopRunDetail = ResponseBody<"get", "/api/runs/:run_id">;
export type TopTask = ResponseBody<"get", "/api/runs/:run_id/tasks">["tasks"][number];
export type TopItem = ResponseBody<"get", "/api/runs/:run_id/tasks/:task_id/items">["items"][number];
export type TopLine = ResponseBody<"get", "/api/runs/:run_id/lines">["lines"][number];
export type TopSystem = ResponseBody<"get", "/api/system">;
export type TopWorkers = ResponseBody<"get", "/api/workers">;
export type TopWorker = TopWorkers["workers"][number];
export type TopAttention = ResponseBody<"get", "/api/attention">["items"][number];
