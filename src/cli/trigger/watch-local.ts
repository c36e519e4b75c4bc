import type { Event } from "../../domain/event.ts";
import type { Engine, TriggeredRun } from "../../engine/engine.ts";
import type { Context } from "../command.ts";
import { RunDisplay } from "../run-display/display.ts";
import { localRunReader } from "./local-run.ts";

/** Number of output chunks to read at a time. */
const BATCH_SIZE = 200;

/** Shows a run of this process until the result is disposed. */
export const watchLocalRun = (engine: Engine, run: TriggeredRun, context: Context): Disposable => {
  using parts = new DisposableStack();
  const view = localRunReader(engine.store, run);
  const display = parts.use(new RunDisplay({ ...context, quietStdout: context.json, view }));
  const showOutput = outputReader(engine, run, display);
  const onEvent = (event: Event): void => {
    if (event.runId !== run.id || event.type !== "task.finished") return;
    showOutput();
    const task = view().tasks.find(({ id }) => id === event.taskId);
    if (task !== undefined) display.taskEnded(task);
  };
  parts.defer(showOutput);
  parts.defer(engine.onEvent(onEvent));
  parts.defer(engine.onOutput(run.id, showOutput));
  showOutput();
  return parts.move();
};

/** Returns a function that shows the output stored since its last call. */
const outputReader = ({ store }: Engine, run: TriggeredRun, display: RunDisplay): (() => void) => {
  let fromSeq = 1;
  return () => {
    for (;;) {
      const chunks = store.output.read({ runId: run.id, fromSeq, limit: BATCH_SIZE });
      for (const chunk of chunks) display.write(chunk);
      const last = chunks.at(-1);
      if (last === undefined) return;
      fromSeq = last.seq + last.lines;
    }
  };
};
