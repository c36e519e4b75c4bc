import { hasProcess, type Task, taskOf } from "../../../domain/job.ts";
import { Conditions } from "../task/conditions.ts";
import { referredTasks } from "../task/references.ts";
import type { RunState } from "../task/run-scope.ts";
import { type Ending, planRun, type RunPlan } from "./plan.ts";

export type RunPlannerOptions = {
  /** In topological order. */
  readonly tasks: readonly Task[];
  readonly state: () => RunState;
  readonly ending: () => Ending | null;
  /** Returns how many attempts the run may have at once, now. */
  readonly maxTasks: () => number;
};

/** Plans a run from its current state. */
export class RunPlanner {
  readonly #options: RunPlannerOptions;

  constructor(options: RunPlannerOptions) {
    this.#options = options;
  }

  /** Returns the steps that can follow. `withholdsProcesses`: none that starts a process. */
  plan({ withholdsProcesses }: { readonly withholdsProcesses: boolean }): RunPlan {
    const { tasks, state, ending, maxTasks } = this.#options;
    const { job, progress } = state();
    const conditions = new Conditions(state());
    return planRun({
      tasks,
      states: progress,
      ending: ending(),
      maxTasks: maxTasks(),
      withholdsProcesses,
      evaluateIf: (taskId, item) => conditions.evaluate({ taskId, item }),
      refersTo: (taskId) => referredTasks(job, taskOf(job, taskId)),
    });
  }

  /** Returns whether a process could start if the run had a slot. */
  get couldStart(): boolean {
    const { job } = this.#options.state();
    const { steps, isCut } = this.plan({ withholdsProcesses: false });
    const starts = steps.some(
      ({ kind, taskId }) => (kind === "start" || kind === "retry") && hasProcess(taskOf(job, taskId).program.type),
    );
    return starts || isCut;
  }
}
