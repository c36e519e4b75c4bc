import { assertNever } from "../lib/never.ts";
import type { LiveEvent } from "./live-event.ts";

/** What a client has read: a noun, such as `jobs`, or a noun with the id that it is about, such as `run 019b…`. */
export type DataName = string;

/** What a client knows. */
export type KnownData = {
  /** Returns whether a task is known to wait for approval. */
  readonly isAsking: (runId: string | undefined, taskId: string | undefined) => boolean;
  /** Whether tasks can wait for workers. */
  readonly hasWorkers: boolean;
};

/** Returns what an event makes stale. */
export const staleBy = (event: LiveEvent, { isAsking, hasWorkers }: KnownData): readonly DataName[] => {
  const { type, run_id, task_id } = event;
  const endsApproval = type === "task.finished" && isAsking(run_id, task_id);
  return [
    ...ofEvent(event),
    ...(endsApproval ? ["attention"] : []),
    // A task can begin or end to wait for a worker.
    ...(hasWorkers && isOfTask(event) ? ["attention", "workers", "runs"] : []),
  ];
};

const ofEvent = ({ type, job_id, run_id }: LiveEvent): readonly DataName[] => {
  switch (type) {
    case "task.started":
    case "task.finished":
    case "item.started":
    case "item.finished":
      return [`run-tasks ${run_id}`, `run-items ${run_id}`, `artifacts ${run_id}`];
    case "approval":
      return [`run-tasks ${run_id}`, `run-items ${run_id}`, "attention"];
    case "run.started":
    case "run.finished":
      return [
        ...ofRun(run_id),
        ...ofJob(job_id),
        `task-history ${job_id}`,
        "runs",
        "backfills",
        "backfill",
        "jobs",
        "jobs-with-runs",
        "timeline",
        "stats",
        "attention",
        `comparison ${run_id}`,
        "notifications",
      ];
    case "run.waiting":
      return [...ofRun(run_id), ...ofJob(job_id), "runs", "jobs", "jobs-with-runs", "stats"];
    case "run.late":
      return [...ofRun(run_id), ...ofJob(job_id), "runs", "attention", "notifications"];
    case "occurrence":
      return [...ofJob(job_id), "jobs", "timeline", "stats", "attention"];
    case "delivery":
      return [...ofJob(job_id), `deliveries ${job_id}`, "jobs", "timeline", "stats", "attention"];
    case "backfill":
      return [...ofJob(job_id), "backfills", "backfill"];
    case "job.renamed":
      return [
        "backfills",
        "backfill",
        "jobs",
        "gone-jobs",
        "job",
        "runs",
        "timeline",
        "attention",
        "stats",
        "occurrences",
        "deliveries",
      ];
    case "job.stale":
    case "job.recovered":
      return [...ofJob(job_id), "jobs", "attention", "notifications"];
    case "jobs.reloaded":
      return [
        "jobs",
        "jobs-with-runs",
        "gone-jobs",
        "job",
        "definition",
        "versions",
        "job-files",
        "job-file",
        "attention",
        "health",
        "system",
        "occurrences",
        "timeline",
      ];
    case "jobs.repository":
      return ["repository", "system", "health", "attention"];
    case "clock.set_back":
      return ["jobs", "jobs-with-runs", "job", "attention", "stats", "system", "occurrences", "timeline"];
    case "scheduler.paused":
    case "scheduler.resumed":
      return ["scheduler", "system", "jobs", "attention", "timeline"];
    case "job.paused":
    case "job.resumed":
      return [...ofJob(job_id), "jobs", "jobs-with-runs", "attention", "timeline"];
    case "attention.changed":
      return ["attention"];
    case "worker":
      return ["workers", "attention"];
    default:
      return assertNever(type);
  }
};

const ofRun = (id: string | undefined): readonly DataName[] => [
  `run ${id}`,
  `run-tasks ${id}`,
  `run-items ${id}`,
  `artifacts ${id}`,
];

const ofJob = (id: string | undefined): readonly DataName[] => [`job ${id}`, `job-runs ${id}`, `occurrences ${id}`];

const isOfTask = ({ type }: LiveEvent): boolean => type.startsWith("task.") || type.startsWith("item.");
