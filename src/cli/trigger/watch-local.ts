import type { Event } from "../../domain/event.ts";
import type { RunId } from "../../domain/ids.ts";
import type { RunParent } from "../../domain/run.ts";
import type { Engine, TriggeredRun } from "../../engine/engine.ts";
import type { Context } from "../command.ts";
import { RunDisplay } from "../run-display/display.ts";
import { writerName } from "../run-display/output-chunk.ts";
import { localRunReader } from "./local-run.ts";

/** Number of output chunks to read at a time. */
const BATCH_SIZE = 200;

/** Shows a run of this process until the result is disposed. */
export const watchLocalRun = (engine: Engine, run: TriggeredRun, context: Context): Disposable => {
  const { terminal, clock, json } = context;
  using parts = new DisposableStack();
  /** The runs below it that are shown. More can be added after this function has returned. */
  const followed = parts.use(new DisposableStack());
  const view = localRunReader(engine.store, run);
  const display = parts.use(new RunDisplay({ terminal, clock, quietStdout: json, view }));
  const showOutput = outputReader(engine, { run, prefix: "" }, display);
  /** The names before the tasks of the run and of the runs below it. */
  const prefixes = new Map<RunId, string>([[run.id, ""]]);
  const onEvent = (event: Event): void => {
    if (event.type === "run.started" && event.runId !== null) followChild(event.runId);
    if (event.runId !== run.id || event.type !== "task.finished") return;
    showOutput();
    const task = view().tasks.find(({ id }) => id === event.taskId);
    if (task !== undefined) display.taskEnded(task);
  };
  /** Shows the output of a run that one of these runs has started. */
  const followChild = (runId: RunId): void => {
    const child = engine.store.runs.find(runId);
    const above = child?.parent === null || child === null ? undefined : prefixes.get(child.parent.runId);
    if (child === null || child.parent === null || above === undefined) return;
    const prefix = `${above}${nameOfParent(engine, child.parent)}/`;
    prefixes.set(runId, prefix);
    followed.defer(engine.onOutput(runId, outputReader(engine, { run: child, prefix }, display)));
  };
  parts.defer(showOutput);
  parts.defer(engine.onEvent(onEvent));
  parts.defer(engine.onOutput(run.id, showOutput));
  showOutput();
  return parts.move();
};

/** Returns the name of the task or item that has started a run. */
const nameOfParent = ({ store }: Engine, { runId, taskId, item }: RunParent): string => {
  if (item === null) return taskId;
  const [found] = store.runs.listItems({ runId, taskId, after: item - 1, limit: 1 });
  return writerName({ taskId, item, itemKey: found?.key ?? null });
};

type ShownRun = { readonly run: TriggeredRun; readonly prefix: string };

/** Returns a function that shows the output stored since its last call. */
const outputReader = ({ store }: Engine, { run, prefix }: ShownRun, display: RunDisplay): (() => void) => {
  let fromSeq = 1;
  return () => {
    for (;;) {
      const chunks = store.output.read({ runId: run.id, fromSeq, limit: BATCH_SIZE });
      for (const chunk of chunks) display.write({ ...chunk, taskId: `${prefix}${chunk.taskId}` });
      const last = chunks.at(-1);
      if (last === undefined) return;
      fromSeq = last.seq + last.lines;
    }
  };
};
