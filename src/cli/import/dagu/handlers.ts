import type { Json } from "../../../lib/json.ts";
import { uniqueId } from "../crontab/job-name.ts";
import type { Fields } from "./fields.ts";
import { textOf } from "./fields.ts";
import { type DagContext, type DagStep, type DagTask, outputsOf, type StepTasks } from "./step.ts";
import { stepTasks } from "./steps.ts";

/** The tasks of `handler_on`: before all steps, and after them. */
export const handlerTasks = (
  fields: Fields,
  steps: readonly StepTasks[],
  context: DagContext,
  ids: Set<string>,
): { readonly first: readonly DagTask[]; readonly last: readonly DagTask[] } => {
  const handlers = fields.child("handler_on");
  if (handlers === null) return { first: [], last: [] };
  for (const name of ["abort", "cancel", "wait"]) {
    const entry = handlers.take(name);
    if (entry !== null)
      handlers.leaveOut(
        entry,
        name === "wait"
          ? "`notify` has the event approval"
          : "petit has no tasks for a cancelled run alone; those of `exit` run then, too",
      );
  }
  const read = (name: string): readonly StepTasks[] => {
    const entry = handlers.take(name);
    if (entry === null) return [];
    const map = entry.value.kind === "map" ? entry.value : null;
    const step: DagStep = {
      fields: fields.source.fields(map ?? { kind: "map", at: entry.value.at, entries: [{ ...entry, key: "command" }] }),
      id: uniqueId(`on-${name}`, ids),
      names: [],
      group: 0,
    };
    step.fields.take("name");
    step.fields.take("id");
    if (map === null && textOf(entry.value) === null) handlers.leaveOut(entry, "it is not a step");
    const outputs = name === "init" ? [] : outputsOf(steps);
    return [stepTasks(step, { upstream: [], outputs }, context, ids)];
  };
  const all = steps.map(({ last }) => last);
  const checks = steps
    .filter(({ passesFailed }) => !passesFailed)
    .map(({ last }) => `tasks.${last}.status != 'failed'`);
  const after = (tasks: readonly StepTasks[], waits: Readonly<Record<string, Json>>): readonly DagTask[] =>
    tasks.flatMap((each) => each.tasks.map((task) => (task.depends_on === undefined ? { ...task, ...waits } : task)));
  const success = after(read("success"), {
    depends_on: all,
    condition: "all_done",
    ...(checks.length === 0 ? {} : { if: checks.join(" && ") }),
  });
  const failure = after(read("failure"), { depends_on: all, condition: "on_failure" });
  const exit = after(read("exit"), {
    depends_on: [...all, ...success, ...failure].map((each) => (typeof each === "string" ? each : each.id)),
    condition: "all_done",
  });
  const init = read("init").flatMap(({ tasks }) => tasks);
  return { first: init, last: [...success, ...failure, ...exit] };
};
