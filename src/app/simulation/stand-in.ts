import { type JobId, parseTaskId, type TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";

/** The task of a stand-in. */
const STAND_IN_TASK = "stand_in";

/** Returns a job that starts and waits as another one does, and runs a single task in place of all of its tasks. */
export const withoutTasks = ({ outputs: _outputs, warnAfterMs: _warnAfter, expect: _expect, ...job }: Job): Job => ({
  ...job,
  timeoutMs: null,
  environment: {},
  tasks: [
    {
      id: TASK_ID,
      name: STAND_IN_TASK,
      dependsOn: [],
      condition: "all_success",
      program: { type: "command", command: "true" },
      args: [],
      workingDir: null,
      stdin: null,
      environment: {},
      timeoutMs: null,
      retry: null,
    },
  ],
});

/**
 * Returns a job with the params and the outputs of another one, which runs a single task in place of all of its tasks. Its outputs are those of
 * that task. It starts when it is triggered, and does not wait for anything.
 */
export const standInFor = (job: Job): Job => {
  const { queue: _queue, triggers: _triggers, ...rest } = withoutTasks(job);
  const names = Object.keys(job.outputs ?? {});
  const outputs = names.map((name) => [name, `\${{ tasks.${STAND_IN_TASK}.outputs.${name} }}`] as const);
  return {
    ...rest,
    enabled: true,
    schedule: null,
    maxConcurrency: null,
    dependsOn: [],
    ...(names.length > 0 && { outputs: Object.fromEntries(outputs) }),
  };
};

const TASK_ID = (() => {
  const id: TaskId | null = parseTaskId(STAND_IN_TASK);
  if (id === null) throw new Error("not a task's id");
  return id;
})();

/** Returns the jobs that the tasks of a job run, and those that its gates are about. */
export const neighboursOf = ({ tasks, dependsOn }: Pick<Job, "tasks" | "dependsOn">): ReadonlySet<JobId> =>
  new Set([
    ...tasks.flatMap(({ program }) => (program.type === "job" ? [program.jobId] : [])),
    ...dependsOn.map(({ jobId }) => jobId),
  ]);
