import type { Json } from "../../../lib/json.ts";
import type { Fields } from "./fields.ts";

export type DagTask = Readonly<Record<string, Json>> & { readonly id: string };

/** A step before its translation. */
export type DagStep = {
  readonly fields: Fields;
  readonly id: string;
  /** The names that other steps can call it by. */
  readonly names: readonly string[];
  /** The position of its group: the steps of a list within the list run at once. */
  readonly group: number;
};

/** What the tasks of a step are, and how others wait for it. */
export type StepTasks = {
  readonly step: DagStep;
  readonly tasks: readonly DagTask[];
  /** The task that others wait for. */
  readonly last: string;
  readonly upstream: readonly StepTasks[];
  /** Whether later steps run also if it was skipped. */
  readonly passesSkipped: boolean;
  readonly passesFailed: boolean;
  readonly output: string | null;
};

/** What steps take from their DAG. */
export type DagContext = {
  /** Lines of a shell that set variables which depend on others. */
  readonly prelude: readonly string[];
  /** The fixed variables of the DAG. */
  readonly environment: Readonly<Record<string, Json>>;
  readonly params: ReadonlySet<string>;
  /** The interpreter of scripts; null for /bin/sh -e. */
  readonly shell: readonly string[] | null;
  readonly workingDir: string;
  /** The fields of `container` and `ssh` of the DAG. */
  readonly container: Fields | string | null;
  readonly ssh: Fields | null;
  /** Returns the job of another DAG, or why a task can't run it. Notes the params that it has to have. */
  readonly jobOf: (dag: string, params: readonly string[]) => { readonly job: string } | { readonly why: string };
};

/** What a step takes from its DAG and from the steps before. */
export type StepContext = {
  readonly dag: DagContext;
  /** The lines of the DAG, then those of the step. */
  readonly prelude: readonly string[];
  /** The variables that steps before have set. */
  readonly outputs: readonly StepOutput[];
};

/** A variable that a step sets, and its task. */
export type StepOutput = { readonly name: string; readonly task: string };

/** Returns the outputs of steps and of all before them, the nearest last. */
export const outputsOf = (steps: readonly StepTasks[]): readonly StepOutput[] => {
  const seen = new Set<StepTasks>();
  const found = new Map<string, string>();
  const visit = (each: StepTasks): void => {
    if (seen.has(each)) return;
    seen.add(each);
    each.upstream.forEach(visit);
    if (each.output !== null) found.set(each.output, each.step.id);
  };
  steps.forEach(visit);
  return [...found].map(([name, task]) => ({ name, task }));
};
