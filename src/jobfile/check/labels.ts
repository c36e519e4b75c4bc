import { hasProcess } from "../../domain/job.ts";
import { MAX_LABELS } from "../../domain/workers/labels.ts";
import type { Declaration } from "../declaration.ts";
import type { Path } from "../parse/node.ts";
import type { Conflict } from "../problem.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

/** Checks the number of labels of a job and its tasks, and that tasks with labels start a process. */
export const checkLabels = ({ runs_on, tasks = [] }: JobDraft, report: Report): void => {
  checkCount(runs_on, ["runs_on"], report);
  tasks.forEach((task, index) => {
    const path = ["tasks", index, "runs_on"];
    checkCount(task?.runs_on, path, report);
    if (task?.type === undefined || hasProcess(task.type) || task.runs_on === undefined || task.runs_on.length === 0)
      return;
    report.addAt(path, `has no effect here; ${task.type === "approval" ? "an approval" : "a job"} task has no process`);
  });
};

const checkCount = (labels: JobDraft["runs_on"], path: Path, report: Report): void => {
  if (!Array.isArray(labels) || labels.length <= MAX_LABELS) return;
  report.addAt(path, `has ${labels.length} labels; expected at most ${MAX_LABELS}`);
};

/** Reports jobs that need NATS: for workers, or for the messages that start them. */
export const refuseNats = (declarations: readonly Declaration[]): readonly Conflict[] =>
  declarations.flatMap(({ file, runsOn, messages }) => [
    ...runsOn.map((place) =>
      needsNats(file, place, "runs_on needs --nats; expected `petit run --nats URL`, or no runs_on"),
    ),
    ...messages.map((place) =>
      needsNats(file, place, "a nats trigger needs --nats; expected `petit run --nats URL`, or no such trigger"),
    ),
  ]);

const needsNats = (file: string, { path, position }: Declaration["runsOn"][number], message: string): Conflict => ({
  problem: { file, ...position, path, message },
  files: [file],
});
