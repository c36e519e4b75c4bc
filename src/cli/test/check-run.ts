import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { ItemRun, TaskRun } from "../../domain/task-run.ts";
import type { AttemptCall } from "../../engine/attempt/command.ts";
import type { Path } from "../../jobfile/parse/node.ts";
import type { Expected, ExpectedNode, ExpectedTask } from "../../jobfile/schema/test-file.ts";
import type { Store } from "../../store/store.ts";
import { type Differences, Words } from "./difference.ts";

export type CheckOptions = {
  readonly expected: Expected;
  readonly store: Pick<Store, "runs" | "output">;
  /** Returns what the last attempt of a task or an item was called with; null if it had none. */
  readonly callOf: (taskId: string, item: string | null) => AttemptCall | null;
  readonly differences: Differences;
};

/** Compares a run that has ended with what is expected of it. */
export const checkRun = (run: Run, options: CheckOptions): void => {
  const { expected, store, callOf, differences } = options;
  differences.same(["expect", "status"], expected.status, run.status);
  differences.same(["expect", "reason"], expected.reason, run.reason);
  differences.part(["expect", "error"], expected.error, run.error);
  differences.values(["expect", "outputs"], expected.outputs, run.outputs);
  differences.values(["expect", "params"], expected.params, run.params);
  const tasks = new Map<string, TaskRun>(store.runs.listTaskRuns(run.id).map((task) => [task.taskId, task]));
  for (const [id, given] of Object.entries(expected.tasks)) {
    const task = tasks.get(id);
    const path: Path = ["expect", "tasks", id];
    if (task === undefined) differences.add(path, new Words("a task"), null);
    else if (typeof given === "string") differences.same(path, given, task.status);
    else checkTask(task, given, { store, callOf, differences, runId: run.id, path });
  }
  checkSkipped([...tasks.values()], options);
};

const checkSkipped = (tasks: readonly TaskRun[], { expected: { skipped }, differences }: CheckOptions): void => {
  if (skipped === undefined) return;
  const path: Path = ["expect", "skipped"];
  const got = new Map<string, TaskRun>(tasks.map((task) => [task.taskId, task]));
  for (const [index, id] of skipped.entries()) {
    const status = got.get(id)?.status;
    if (status !== "skipped") differences.add([...path, index], new Words(`${id} skipped`), status);
  }
  const others = tasks.filter(({ taskId, status }) => status === "skipped" && !skipped.includes(taskId));
  if (others.length > 0)
    differences.add(path, new Words("no other skipped task"), new Words(others.map(({ taskId }) => taskId).join(", ")));
};

type TaskCheck = Pick<CheckOptions, "store" | "callOf" | "differences"> & {
  readonly runId: RunId;
  readonly path: Path;
};

const checkTask = (task: TaskRun, given: ExpectedTask, check: TaskCheck): void => {
  const { differences, store, runId, path } = check;
  checkNode(task, given, { ...check, item: null });
  differences.same([...path, "item_count"], given.item_count, task.items);
  if (Object.keys(given.items).length === 0) return;
  const items = new Map(store.runs.listItems({ runId, taskId: task.taskId }).map((item) => [item.key, item]));
  for (const [key, expected] of Object.entries(given.items)) {
    const item = items.get(key);
    const at: Path = [...path, "items", key];
    if (item === undefined)
      differences.add(at, new Words("an item"), new Words(`only ${[...items.keys()].join(", ") || "none"}`));
    else if (typeof expected === "string") differences.same(at, expected, item.status);
    else checkNode({ ...item, taskId: task.taskId }, expected, { ...check, path: at, item });
  }
};

type Node = Pick<
  TaskRun,
  "taskId" | "status" | "reason" | "error" | "attempts" | "exitCode" | "outputs" | "childRunId"
>;

const checkNode = (node: Node, given: ExpectedNode, check: TaskCheck & { readonly item: ItemRun | null }): void => {
  const { differences, store, path, item } = check;
  differences.same([...path, "status"], given.status, node.status);
  differences.same([...path, "reason"], given.reason, node.reason);
  differences.same([...path, "attempts"], given.attempts, node.attempts);
  differences.same([...path, "exit_code"], given.exit_code, node.exitCode);
  differences.part([...path, "error"], given.error, node.error);
  differences.values([...path, "outputs"], given.outputs, node.outputs);
  const child = node.childRunId === null ? null : store.runs.find(node.childRunId);
  differences.values([...path, "params"], given.params, child?.params);
  differences.part([...path, "output"], given.output, given.output === undefined ? null : outputOf(node.taskId, check));
  checkCall(check.callOf(node.taskId, item?.key ?? null), given, check);
};

const checkCall = (call: AttemptCall | null, given: ExpectedNode, { path, differences }: TaskCheck): void => {
  const { args, env, unset, stdin } = given;
  differences.values([...path, "env"], env, call?.environment);
  differences.same([...path, "stdin"], stdin, call?.stdin);
  for (const [index, name] of unset.entries()) {
    const value = call !== null && Object.hasOwn(call.environment, name) ? call.environment[name] : undefined;
    if (value !== undefined) differences.add([...path, "unset", index], new Words(`${name} not to be set`), value);
  }
  if (args !== undefined && (call === null || JSON.stringify(args) !== JSON.stringify(call.args)))
    differences.add([...path, "args"], args, call === null ? new Words("no attempt") : call.args);
};

/** Returns what the last attempt has written. */
const outputOf = (
  taskId: TaskId,
  { runId, store, item }: TaskCheck & { readonly item: ItemRun | null },
): string | null => {
  const index = item?.index ?? null;
  const attempt = store.runs.listAttempts(runId).findLast((each) => each.taskId === taskId && each.item === index);
  if (attempt === undefined) return null;
  const chunks = store.output.read({
    runId,
    taskId,
    attempt: attempt.attempt,
    ...(index !== null && { item: index }),
    fromSeq: 1,
    limit: MAX_CHUNKS,
  });
  return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
};

const MAX_CHUNKS = 10_000;
