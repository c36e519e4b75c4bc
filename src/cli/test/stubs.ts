import { COMPLETES, type Stub } from "../../app/simulation/stub-driver.ts";
import type { JobTest, StubbedAttempt, TaskStub } from "../../jobfile/schema/test-file.ts";

/** Returns what an attempt of a task does, from 1; null if its process starts. `item` is the key of its item; null if it has none. */
export const stubFor = (
  tasks: JobTest["tasks"],
  { taskId, item, attempt }: { readonly taskId: string; readonly item: string | null; readonly attempt: number },
): Stub | null => {
  const given = Object.hasOwn(tasks, taskId) ? tasks[taskId] : undefined;
  if (given === undefined) return COMPLETES;
  if (isReal(given)) return null;
  const ofItem = item !== null && hasItems(given) && Object.hasOwn(given.items, item) ? given.items[item] : given;
  const attempts = isList(ofItem) ? ofItem : [ofItem];
  return toStub(attempts[Math.min(attempt, attempts.length) - 1]);
};

/** Returns the keys of the items that a stub names. */
export const itemsOf = (stub: TaskStub): readonly string[] => (hasItems(stub) ? Object.keys(stub.items) : []);

export const isReal = (stub: TaskStub | undefined): boolean =>
  typeof stub === "object" && !isList(stub) && "real" in stub && stub.real;

/** Returns an outcome that is only a word as an exit. */
export const toStub = (given: StubbedAttempt | undefined): Stub => {
  if (given === undefined) return COMPLETES;
  if (typeof given === "string") return { ...COMPLETES, exitCode: EXIT_CODES[given] };
  const { status, exit_code: exitCode, signal, outputs, takes: takesMs } = given;
  return {
    exitCode: signal === undefined ? (exitCode ?? EXIT_CODES[status ?? "completed"]) : null,
    signal: signal ?? null,
    outputs,
    takesMs,
  };
};

const EXIT_CODES = { completed: 0, failed: 1 } as const;

const isList = <T>(value: T | readonly StubbedAttempt[]): value is readonly StubbedAttempt[] => Array.isArray(value);

type StubWithItems = Extract<TaskStub, { readonly items: unknown }>;

const hasItems = (stub: TaskStub): stub is StubWithItems => typeof stub === "object" && "items" in stub;
