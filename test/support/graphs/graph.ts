/** An `if` of a random graph. */
export type Condition =
  | { readonly kind: "status"; readonly task: string; readonly is: string }
  | { readonly kind: "output"; readonly task: string; readonly is: string }
  | { readonly kind: "some"; readonly is: string }
  | { readonly kind: "level"; readonly is: string }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "and" | "or"; readonly of: readonly [Condition, Condition] };

export type GraphItems = {
  /** The keys of the items, or the task whose output `list` names them. */
  readonly source: readonly string[] | { readonly task: string };
  readonly maxParallel: number | null;
  readonly failFast: boolean;
  readonly maxFailures: number | `${number}%`;
  /** The item that an `if` skips. */
  readonly skips: string | null;
};

export type GraphTask = {
  readonly id: string;
  readonly after: readonly string[];
  readonly condition: "all_success" | "on_failure" | "all_done";
  readonly if: Condition | null;
  readonly items: GraphItems | null;
  readonly allowed: "always" | readonly number[] | null;
  readonly skipCodes: readonly number[];
  readonly retry: { readonly max: number; readonly transientOnly: boolean } | null;
  /** What it writes as its output `list`. */
  readonly list: string;
};

/** A job of a random graph. Its tasks are in topological order. */
export type Graph = {
  readonly id: string;
  readonly level: string;
  readonly tasks: readonly GraphTask[];
  /** The positions of the tasks in the job file. */
  readonly order: readonly number[];
};

/** How each execution of a task or an item ends, and how long it takes in ms. Further executions succeed at once. */
export type Script = readonly { readonly exitCode: number; readonly pauseMs: number }[];

/** Names a task or an item of a graph. */
export const nodeName = (graph: Graph, task: string, item: string | null): string =>
  `${graph.id}.${task}.${item ?? ""}`;

/** Returns the ids of the direct and indirect upstream tasks of a task. */
export const allUpstreams = (graph: Graph, id: string): ReadonlySet<string> => {
  const own = graph.tasks.find((task) => task.id === id)?.after ?? [];
  return new Set(own.flatMap((each) => [each, ...allUpstreams(graph, each)]));
};

/** Counts its executions in `did/`, and looks up in `plan/` how this one ends. */
const SHELL = `f="$PETIT_JOB_ID.$PETIT_TASK_ID.\${PETIT_ITEM_KEY:-}"
echo "$PETIT_RUN_ID" >> "did/$f"
n=0
while read -r _; do n=$((n + 1)); done < "did/$f"
i=0
while [ "$i" -lt "$n" ] && read -r code pause; do i=$((i + 1)); done < "plan/$f"
if [ "$i" -lt "$n" ]; then code=0; pause=0; fi
echo "n=$n" >> "$PETIT_OUTPUT"
echo "list=$LIST" >> "$PETIT_OUTPUT"
sleep "$pause"
exit "$code"
`;

/** Returns the text of the plan of a task or an item. */
export const planText = (script: Script): string =>
  script.map(({ exitCode, pauseMs }) => `${exitCode} ${pauseMs / 1000}\n`).join("");

/** Returns the job file of a graph. The tasks run in `workingDir`. */
export const jobFile = (graph: Graph, workingDir: string): string => {
  const tasks = graph.order.map((index) => graph.tasks[index]).flatMap((task) => (task === undefined ? [] : [task]));
  const job = {
    id: graph.id,
    queue: "graphs",
    params: { level: { default: graph.level } },
    tasks: tasks.map((task) => taskFields(task, workingDir)),
  };
  return JSON.stringify(job, null, 2);
};

const taskFields = (task: GraphTask, workingDir: string): object => ({
  id: task.id,
  type: "shell",
  script: SHELL,
  working_dir: workingDir,
  environment: { LIST: task.list },
  depends_on: task.after,
  condition: task.condition,
  ...conditionField(task),
  ...itemFields(task.items),
  ...(task.allowed !== null && {
    allow_failure: task.allowed === "always" ? true : { exit_codes: task.allowed },
  }),
  ...(task.skipCodes.length > 0 && { skip_exit_codes: task.skipCodes }),
  ...(task.retry !== null && {
    retry: { max_attempts: task.retry.max, condition: task.retry.transientOnly ? "transient_only" : "always" },
  }),
});

/** An `if` about the item is evaluated for each item, so a task has either that or one about other tasks. */
const conditionField = ({ if: condition, items }: GraphTask): object => {
  if (items !== null && items.skips !== null) return { if: `item != '${items.skips}'` };
  return condition === null ? {} : { if: conditionText(condition) };
};

const conditionText = (condition: Condition): string => {
  switch (condition.kind) {
    case "status":
      return `tasks.${condition.task}.status == '${condition.is}'`;
    case "output":
      return `tasks.${condition.task}.outputs.n == '${condition.is}'`;
    case "some":
      return `contains(tasks.*.status, '${condition.is}')`;
    case "level":
      return `params.level == '${condition.is}'`;
    case "not":
      return `!(${conditionText(condition.of)})`;
    case "and":
    case "or": {
      const [left, right] = condition.of;
      return `(${conditionText(left)}) ${condition.kind === "and" ? "&&" : "||"} (${conditionText(right)})`;
    }
  }
};

const itemFields = (items: GraphItems | null): object =>
  items === null
    ? {}
    : {
        foreach: "task" in items.source ? `\${{ tasks.${items.source.task}.outputs.list }}` : items.source,
        ...(items.maxParallel !== null && { max_parallel: items.maxParallel }),
        fail_fast: items.failFast,
        max_failures: items.maxFailures,
      };
