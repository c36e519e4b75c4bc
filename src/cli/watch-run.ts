import type { Event } from "../domain/event.ts";
import type { TaskRun } from "../domain/task-run.ts";
import type { Engine, TriggeredRun } from "../engine/engine.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Context } from "./command.ts";
import { counted } from "./counted.ts";
import { endedLine } from "./outcome.ts";
import { RunDisplay } from "./run-display.ts";

/** Chunks of output that are read at once. */
const BATCH = 200;

/** Shows a run of this process until it is disposed of. */
export const watchRun = (engine: Engine, run: TriggeredRun, context: Context): Disposable => {
  using parts = new DisposableStack();
  const { terminal, clock, json } = context;
  const tasks = engine.store.listTaskRuns(run.id).map(({ taskId }) => taskId);
  const display = parts.use(
    new RunDisplay({
      terminal,
      clock,
      named: tasks.length > 1 ? tasks : [],
      quietStdout: json,
      progress: () => progressText(engine.store.listTaskRuns(run.id), clock.monotonic() - startedAt),
    }),
  );
  const startedAt = clock.monotonic();
  const showOutput = outputReader(engine, run, display);
  const onEvent = (event: Event): void => {
    if (event.runId !== run.id || event.type !== "task.finished") return;
    showOutput();
    const task = engine.store.listTaskRuns(run.id).find(({ taskId }) => taskId === event.taskId);
    if (task !== undefined && tasks.length > 1) display.note(endedLine(endedTask(task), terminal.err));
  };
  parts.defer(showOutput);
  parts.defer(engine.onEvent(onEvent));
  parts.defer(engine.onOutput(run.id, showOutput));
  showOutput();
  return parts.move();
};

/** Shows what is new in the store since the last call. */
const outputReader = ({ store }: Engine, run: TriggeredRun, display: RunDisplay): (() => void) => {
  let fromSeq = 1;
  return () => {
    for (;;) {
      const chunks = store.readOutput({ runId: run.id, fromSeq, limit: BATCH });
      for (const chunk of chunks) display.write(chunk);
      const last = chunks.at(-1);
      if (last === undefined) return;
      fromSeq = last.seq + last.lines;
    }
  };
};

const endedTask = (task: TaskRun): Parameters<typeof endedLine>[0] => ({
  ...task,
  id: task.taskId,
  durationMs: task.startedAt === null || task.endedAt === null ? null : task.endedAt - task.startedAt,
});

const progressText = (tasks: readonly TaskRun[], elapsedMs: number): string => {
  const running = tasks.filter(({ status }) => status === "running").map(({ taskId }) => taskId);
  const done = tasks.filter(({ status }) => status !== "running" && status !== "pending").length;
  const what = running.length === 0 ? "waiting" : running.join(", ");
  return `${what} · ${done} of ${counted(tasks.length, "task")} done · ${formatDuration(Math.floor(elapsedMs / 1000) * 1000)}`;
};
