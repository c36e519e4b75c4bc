import { findCycle } from "../domain/graph.ts";
import { suggest } from "../lib/suggest.ts";
import type { Report } from "./report.ts";
import type { JobDraft } from "./schema.ts";

/** That ids of tasks are unique, that each `depends_on` names one, and that no task waits for itself. */
export const checkTasks = ({ tasks = [] }: JobDraft, report: Report): void => {
  const first = new Map<string, number>();
  const edges = new Map<string, string[]>();
  tasks.forEach((task, index) => {
    if (task?.id === undefined) return;
    const earlier = first.get(task.id);
    if (earlier !== undefined)
      report.addAt(["tasks", index, "id"], `'${task.id}' is the id of tasks[${earlier}] as well; expected another`);
    else first.set(task.id, index);
  });
  tasks.forEach((task, index) => {
    const known = (task?.depends_on ?? []).filter((id, position) => isKnown(id, { index, position }));
    if (task?.id !== undefined && first.get(task.id) === index)
      edges.set(
        task.id,
        known.filter((id) => id !== undefined),
      );
  });
  reportCycles(edges, (id) => ["tasks", first.get(id) ?? 0, "depends_on"], report);

  function isKnown(id: string | undefined, { index, position }: { index: number; position: number }): boolean {
    if (id === undefined || first.has(id)) return id !== undefined;
    const near = suggest(id, first.keys());
    const hint = near === null ? "expected the id of a task of this job" : `did you mean '${near}'?`;
    report.addAt(["tasks", index, "depends_on", position], `there is no task '${id}'; ${hint}`);
    return false;
  }
};

/** Each ring is reported once, where its first id says what it depends on. */
const reportCycles = (
  edges: Map<string, string[]>,
  pathOf: (id: string) => (string | number)[],
  report: Report,
): void => {
  for (let cycle = findCycle(edges); cycle !== null; cycle = findCycle(edges)) {
    const [id = "", next = ""] = cycle;
    const position = edges.get(id)?.indexOf(next) ?? 0;
    const wrong = cycle.length === 2 ? "a task waits for itself" : "tasks wait for each other in a ring";
    report.addAt([...pathOf(id), position], `${wrong}: ${cycle.join(" → ")}; expected an order`);
    edges.set(
      id,
      (edges.get(id) ?? []).filter((other) => other !== next),
    );
  }
};
