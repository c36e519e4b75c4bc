import { findCycle } from "../../domain/graph.ts";
import { isName } from "../../domain/ids.ts";
import { makeHints } from "../hints.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";
import { taskEdges } from "../task-edges.ts";

/** Checks that task ids are unique, that each `depends_on` names an existing task, and that there is no cycle. */
export const checkTasks = ({ tasks = [] }: JobDraft, report: Report): void => {
  const indexOf = checkIds(tasks, report);
  checkDependencies(tasks, indexOf, report);
  checkRings(tasks, indexOf, report);
};

type Tasks = NonNullable<JobDraft["tasks"]>;

/** Returns the index of the first task with each id. */
const checkIds = (tasks: Tasks, report: Report): ReadonlyMap<string, number> => {
  const indexOf = new Map<string, number>();
  for (const [index, task] of tasks.entries()) {
    if (task?.id === undefined) continue;
    const earlier = indexOf.get(task.id);
    if (earlier === undefined) indexOf.set(task.id, index);
    else if (isName(task.id))
      report.addAt(["tasks", index, "id"], `'${task.id}' is the id of tasks[${earlier}] as well; expected another`);
  }
  return indexOf;
};

const checkDependencies = (tasks: Tasks, indexOf: ReadonlyMap<string, number>, report: Report): void => {
  const hintFor = makeHints([...indexOf.keys()], "expected the id of a task of this job");
  for (const [index, task] of tasks.entries()) {
    for (const [position, id] of (task?.depends_on ?? []).entries()) {
      if (id === undefined || indexOf.has(id)) continue;
      report.addAt(["tasks", index, "depends_on", position], `there is no task '${id}'; ${hintFor(id)}`);
    }
  }
};

/** Reports each cycle once, at the `depends_on` of its first task. */
const checkRings = (tasks: Tasks, indexOf: ReadonlyMap<string, number>, report: Report): void => {
  const edges = new Map(taskEdges({ tasks }));
  for (let ring = findCycle(edges); ring !== null; ring = findCycle(edges)) {
    const [id = "", next = ""] = ring;
    const wrong = ring.length === 2 ? "a task depends on itself" : "tasks depend on each other in a cycle";
    const index = indexOf.get(id) ?? 0;
    const position = tasks[index]?.depends_on?.indexOf(next) ?? 0;
    report.addAt(["tasks", index, "depends_on", position], `${wrong}: ${ring.join(" → ")}; expected no cycle`);
    edges.set(
      id,
      (edges.get(id) ?? []).filter((other) => other !== next),
    );
  }
};
