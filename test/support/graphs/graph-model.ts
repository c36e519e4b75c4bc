import {
  allUpstreams,
  type Condition,
  type Graph,
  type GraphItems,
  type GraphTask,
  nodeName,
  type Script,
} from "./graph.ts";

/** How a task or an item must have ended. */
export type NodeEnd = {
  readonly status: "completed" | "failed" | "skipped";
  readonly reason: string | null;
  readonly exitCode: number | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** Attempts in this run. */
  readonly attempts: number;
};

export type TaskEnd = NodeEnd & {
  readonly allowed: boolean;
  /** By key, in order; null if it was not expanded. */
  readonly items: ReadonlyMap<string, NodeEnd> | null;
  /** The completed items that a retry of this task need not repeat. */
  readonly done: ReadonlyMap<string, NodeEnd>;
};

export type RunEnd = {
  readonly status: "completed" | "failed";
  readonly warnings: number;
  readonly tasks: ReadonlyMap<string, TaskEnd>;
  /** The tasks whose results are those of the retried run. */
  readonly kept: ReadonlySet<string>;
};

/** What a retry selects. */
export type Retry = { readonly kind: "rest" } | { readonly kind: "all" } | Selection;

type Selection = { readonly kind: "task" | "from"; readonly task: string };

/** What a retry keeps of a task: its result, or only its completed items. */
type Kept = { readonly end: TaskEnd } | { readonly done: TaskEnd["done"] };

const NOTHING: TaskEnd["done"] = new Map();

/** A second implementation of what petit promises about graphs and retries, which knows nothing of time. */
export class GraphModel {
  readonly #graph: Graph;
  readonly #scripts: ReadonlyMap<string, Script>;
  /** Executions so far, over all runs. */
  readonly #executions = new Map<string, number>();

  constructor(graph: Graph, scripts: ReadonlyMap<string, Script>) {
    this.#graph = graph;
    this.#scripts = scripts;
  }

  /** Executions of each task and item so far, by the name of its files. */
  get executions(): ReadonlyMap<string, number> {
    return this.#executions;
  }

  run(): RunEnd {
    return this.#run(new Map());
  }

  /** Returns how a retry must end, or null if it must be refused. */
  retry(before: RunEnd, retry: Retry): RunEnd | null {
    const kept = this.#keptBy(before, retry);
    return kept === null ? null : this.#run(kept);
  }

  #keptBy(before: RunEnd, retry: Retry): ReadonlyMap<string, Kept> | null {
    if (retry.kind === "all") return new Map();
    if (retry.kind === "rest") return this.#keptByRest(before);
    return this.#keptBySelection(before, retry);
  }

  /** A task is kept if it and everything upstream of it has a result that needs no repetition. */
  #keptByRest(before: RunEnd): ReadonlyMap<string, Kept> | null {
    if (before.status === "completed") return null;
    const kept = new Map<string, Kept>();
    for (const { id, after } of this.#graph.tasks) {
      const end = endOf(before.tasks, id);
      if (!after.every((each) => isWhole(kept.get(each)))) continue;
      const isKept = isSuccess(end) || end.reason === "condition_not_met";
      kept.set(id, isKept ? { end } : { done: end.done });
    }
    return [...kept.values()].filter(isWhole).length === this.#graph.tasks.length ? null : kept;
  }

  /** All others are kept as they are. `task` keeps what succeeded after it, and of what it repeats the completed items. */
  #keptBySelection(before: RunEnd, { kind, task: selected }: Selection): ReadonlyMap<string, Kept> | null {
    const task = this.#taskOf(selected);
    if (task.condition === "all_success" && !task.after.every((id) => isSuccess(endOf(before.tasks, id)))) return null;
    const kept = new Map<string, Kept>();
    for (const { id } of this.#graph.tasks) {
      const end = endOf(before.tasks, id);
      const isAfter = allUpstreams(this.#graph, id).has(selected);
      const isRepeated = id === selected || (isAfter && (kind === "from" || !isSuccess(end)));
      if (!isRepeated) kept.set(id, { end });
      else if (kind === "task" && end.status !== "completed") kept.set(id, { done: end.done });
    }
    return kept;
  }

  #run(kept: ReadonlyMap<string, Kept>): RunEnd {
    const tasks = new Map<string, TaskEnd>();
    for (const task of this.#graph.tasks) {
      const own = kept.get(task.id);
      const end =
        own !== undefined && "end" in own
          ? withoutAttempts(own.end)
          : this.#judge(task, tasks, own === undefined ? NOTHING : own.done);
      tasks.set(task.id, end);
    }
    const failed = [...tasks.values()].filter(({ status }) => status === "failed");
    const warnings = failed.filter(({ allowed }) => allowed).length;
    const whole = new Set([...kept].filter(([, each]) => isWhole(each)).map(([id]) => id));
    return { status: failed.length > warnings ? "failed" : "completed", warnings, tasks, kept: whole };
  }

  #judge(task: GraphTask, tasks: ReadonlyMap<string, TaskEnd>, done: TaskEnd["done"]): TaskEnd {
    const upstreams = task.after.map((id) => endOf(tasks, id));
    const hasFailure = upstreams.some(isFailure);
    if (task.condition === "all_success" && hasFailure) return skipped("upstream_failed", done);
    if (task.condition === "all_success" && upstreams.some(({ status }) => status === "skipped"))
      return skipped("condition_not_met", done);
    if (task.condition === "on_failure" && !hasFailure) return skipped("condition_not_met", done);
    if (task.if !== null && !this.#isTrue(task.if, task, tasks)) return skipped("condition_not_met", done);
    return task.items === null ? this.#runPlain(task) : this.#runItems(task, task.items, tasks, done);
  }

  #isTrue(condition: Condition, task: GraphTask, tasks: ReadonlyMap<string, TaskEnd>): boolean {
    switch (condition.kind) {
      case "status":
        return endOf(tasks, condition.task).status === condition.is;
      case "output":
        return endOf(tasks, condition.task).outputs.n === condition.is;
      case "some":
        return [...allUpstreams(this.#graph, task.id)].some((id) => endOf(tasks, id).status === condition.is);
      case "level":
        return this.#graph.level === condition.is;
      case "not":
        return !this.#isTrue(condition.of, task, tasks);
      case "and":
        return condition.of.every((each) => this.#isTrue(each, task, tasks));
      case "or":
        return condition.of.some((each) => this.#isTrue(each, task, tasks));
    }
  }

  #runPlain(task: GraphTask): TaskEnd {
    const end = this.#attempts(task, null);
    return { ...end, allowed: isAllowed(task, end), items: null, done: NOTHING };
  }

  /** Makes attempts until one ends the task or item. */
  #attempts(task: GraphTask, item: string | null): NodeEnd {
    const name = nodeName(this.#graph, task.id, item);
    const script = this.#scripts.get(`${task.id}.${item ?? ""}`) ?? [];
    for (let attempts = 1; ; attempts++) {
      const execution = (this.#executions.get(name) ?? 0) + 1;
      this.#executions.set(name, execution);
      const code = script[execution - 1]?.exitCode ?? 0;
      const outputs = { n: String(execution), list: task.list };
      if (code === 0) return { status: "completed", reason: null, exitCode: 0, outputs, attempts };
      if (task.skipCodes.includes(code))
        return { status: "skipped", reason: "skipped_by_exit", exitCode: code, outputs, attempts };
      const isRetried = task.retry !== null && attempts <= task.retry.max && (!task.retry.transientOnly || code === 75);
      if (isRetried) continue;
      // The exit code of a signal counts only where the file lists it.
      const isSignal = code === SIGTERM;
      const exitCode = isSignal && (task.allowed === "always" || task.allowed?.includes(code) !== true) ? null : code;
      return { status: "failed", reason: isSignal ? "signal" : "exit_code", exitCode, outputs, attempts };
    }
  }

  #runItems(task: GraphTask, items: GraphItems, tasks: ReadonlyMap<string, TaskEnd>, done: TaskEnd["done"]): TaskEnd {
    const keys = "task" in items.source ? keysOf(endOf(tasks, items.source.task).outputs.list) : items.source;
    if (keys === null)
      return { ...FAILED, reason: "invalid_items", allowed: task.allowed === "always", items: null, done };
    const ends = new Map<string, NodeEnd>();
    const failures = (): readonly NodeEnd[] => [...ends.values()].filter(({ status }) => status === "failed");
    const isTooMany = (): boolean => failures().length > maxFailuresOf(items, keys.length);
    for (const key of keys) {
      const before = done.get(key);
      if (before !== undefined) ends.set(key, { ...before, attempts: 0 });
      else if (items.failFast && isTooMany()) ends.set(key, { ...SKIPPED, reason: "cancelled" });
      else if (key === items.skips) ends.set(key, { ...SKIPPED, reason: "condition_not_met" });
      else ends.set(key, this.#attempts(task, key));
    }
    const completed = new Map([...ends].filter(([, { status }]) => status === "completed"));
    const outputs = Object.fromEntries(
      ["n", "list"]
        .filter((name) => [...ends.values()].some((end) => name in end.outputs))
        .map((name) => [name, JSON.stringify([...ends.values()].map((end) => end.outputs[name] ?? null))]),
    );
    const attempts = [...ends.values()].reduce((sum, end) => sum + end.attempts, 0);
    if (!isTooMany())
      return { ...SKIPPED, status: "completed", outputs, attempts, allowed: false, items: ends, done: completed };
    const allowed = failures().every((end) => isAllowed(task, end));
    return { ...FAILED, reason: "items_failed", outputs, attempts, allowed, items: ends, done: completed };
  }

  #taskOf(id: string): GraphTask {
    const task = this.#graph.tasks.find((each) => each.id === id);
    if (task === undefined) throw new Error(`there is no task ${id}`);
    return task;
  }
}

/** The exit code with which a task ends that SIGTERM ends. */
const SIGTERM = 143;

const SKIPPED = { status: "skipped", reason: null, exitCode: null, outputs: {}, attempts: 0 } as const;
const FAILED = { status: "failed", reason: null, exitCode: null, outputs: {}, attempts: 0 } as const;

const skipped = (reason: string, done: TaskEnd["done"]): TaskEnd => ({
  ...SKIPPED,
  reason,
  allowed: false,
  items: null,
  done,
});

const endOf = (tasks: ReadonlyMap<string, TaskEnd>, id: string): TaskEnd => {
  const end = tasks.get(id);
  if (end === undefined) throw new Error(`task ${id} has no result`);
  return end;
};

/** Returns a result that a later run keeps. */
const withoutAttempts = (end: TaskEnd): TaskEnd => ({
  ...end,
  attempts: 0,
  items: end.items && new Map([...end.items].map(([key, item]) => [key, { ...item, attempts: 0 }])),
});

const isWhole = (kept: Kept | undefined): boolean => kept !== undefined && "end" in kept;

const isSuccess = ({ status, allowed }: TaskEnd): boolean => status === "completed" || allowed;

const isFailure = ({ status, reason, allowed }: TaskEnd): boolean =>
  (status === "failed" && !allowed) || (status === "skipped" && reason === "upstream_failed");

const isAllowed = ({ allowed }: GraphTask, { status, exitCode }: NodeEnd): boolean =>
  status === "failed" &&
  (allowed === "always" || (allowed !== null && exitCode !== null && allowed.includes(exitCode)));

const maxFailuresOf = ({ maxFailures }: GraphItems, total: number): number =>
  typeof maxFailures === "number" ? maxFailures : Math.floor((Number.parseInt(maxFailures, 10) * total) / 100);

/** Returns null if a list can't be used. */
const keysOf = (list: string | undefined): readonly string[] | null => {
  try {
    const keys: unknown = JSON.parse(list ?? "");
    if (!Array.isArray(keys) || new Set(keys).size !== keys.length) return null;
    return keys.map(String);
  } catch {
    return null;
  }
};
