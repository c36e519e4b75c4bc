import type { WebhookTrigger } from "../../../src/domain/deliveries/trigger.ts";
import { type JobId, parseJobId, parseTaskId, type TaskId } from "../../../src/domain/ids.ts";
import type { ItemsSpec } from "../../../src/domain/item.ts";
import type { HttpProgram, Job, Param, Task } from "../../../src/domain/job.ts";
import type { Retry } from "../../../src/domain/retry.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";

export const jobId = (text: string): JobId => parseJobId(text) ?? fail(text);

export const taskId = (text: string): TaskId => parseTaskId(text) ?? fail(text);

const fail = (text: string): never => {
  throw new Error(`'${text}' is not an id`);
};

/** Returns a job with defaults for the fields that are not given. */
export const job = (id: string, given: Partial<Omit<Job, "id">> = {}): Job => ({
  id: jobId(id),
  name: id,
  description: null,
  enabled: true,
  schedule: null,
  maxConcurrency: null,
  onOverlap: "skip",
  timeoutMs: null,
  killGraceMs: null,
  onInterrupt: null,
  dependsOn: [],
  config: {},
  params: {},
  environment: {},
  inheritEnvironment: true,
  retention: { runs: null, days: null },
  tasks: [command("only", "true")],
  source: { file: `${id}.yaml`, line: 1, folder: "/" },
  ...given,
});

type Given = Partial<Omit<Task, "id" | "dependsOn">> & { readonly after?: readonly string[] };

const task = (id: string, program: Task["program"], { after = [], ...given }: Given): Task => ({
  id: taskId(id),
  name: id,
  dependsOn: after.map(taskId),
  condition: "all_success",
  program,
  args: [],
  workingDir: null,
  stdin: null,
  environment: {},
  timeoutMs: null,
  retry: null,
  ...given,
});

/** Returns a webhook that `Authorization: Bearer` with the variable HOOK_TOKEN opens. Its ids are in `X-Id`. */
export const webhook = (given: Partial<WebhookTrigger> = {}): WebhookTrigger => ({
  type: "webhook",
  name: null,
  verification: {
    scheme: "token",
    header: null,
    idHeader: "x-id",
    algorithm: "sha256",
    encoding: "hex",
    prefix: "",
  },
  secrets: [{ env: "HOOK_TOKEN" }],
  events: null,
  headers: [],
  params: {},
  onOverlap: "queue",
  onPause: "keep",
  ...given,
});

/** Returns a task that runs a program. */
export const command = (id: string, program: string, given: Given = {}): Task =>
  task(id, { type: "command", command: program }, given);

/** Returns a task that runs another job and waits for its end. */
export const childJob = (id: string, job: string, given: Given = {}): Task =>
  task(id, { type: "job", jobId: jobId(job), params: {}, wait: true }, given);

/** Returns the items of a task; by default, the task fails if one of them fails, after all have ended. */
export const items = (values: readonly string[], given: Partial<ItemsSpec> = {}): ItemsSpec => ({
  source: { kind: "list", values },
  key: null,
  maxParallel: null,
  failFast: false,
  maxFailures: { unit: "items", value: 0 },
  ...given,
});

/** Returns a task that runs a script in a shell, by default `/bin/sh -e`. */
export const shell = (id: string, script: string, given: Given & { readonly shell?: readonly string[] } = {}): Task => {
  const { shell: interpreter = ["/bin/sh", "-e"], ...rest } = given;
  return task(id, { type: "shell", script, shell: interpreter }, rest);
};

/** Returns a task that runs the text of a program or a file. */
export const program = (
  id: string,
  type: "python" | "typescript",
  source: { readonly text: string } | { readonly file: string },
  given: Given = {},
): Task => {
  const from = "text" in source ? ({ inline: true, ...source } as const) : ({ inline: false, ...source } as const);
  return task(id, { type, ...from }, given);
};

/** Returns a task that sends an HTTP request. */
export const http = (id: string, url: string, given: Given & Partial<Omit<HttpProgram, "type">> = {}): Task => {
  const { method = "GET", headers = {}, body = null, statuses = null, outputs = {}, caFile = null, ...rest } = given;
  return task(id, { type: "http", url, method, headers, body, statuses, outputs, caFile }, rest);
};

export const schedule = (expression: string, given: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
  expressions: [expression],
  timezone: null,
  catchup: "latest",
  catchupWindowMs: 3_600_000,
  jitterMs: 0,
  ...given,
});

export const retry = (maxAttempts: number, given: Partial<Retry> = {}): Retry => ({
  maxAttempts,
  delayMs: 0,
  backoff: "fixed",
  maxDelayMs: 3_600_000,
  condition: "always",
  ...given,
});

export const param = (given: Partial<Param> = {}): Param => ({
  description: null,
  default: null,
  required: false,
  enum: null,
  pattern: null,
  ...given,
});
