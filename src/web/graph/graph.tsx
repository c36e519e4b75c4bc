import { Suspense, useId } from "react";
import { lazily } from "../data/lazily.tsx";
import { Loading } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";
import "./graph.css";
import { type GraphTask, taskText } from "./graph-task.ts";

type GraphProps = {
  readonly tasks: readonly GraphTask[];
  /** Called with the id of the task that the user selects. */
  readonly onSelect?: (taskId: string) => void;
  /** Id of the selected task. */
  readonly selected?: string | null;
  /** True if the graph fills its parent; false if it is as high as it needs. */
  readonly isFilling?: boolean;
};

/** Loaded on demand: most views draw no graph. */
const { Component: GraphView, load } = lazily(async () => (await import("./graph-view.tsx")).GraphView);

/** Loads the drawing, so that it appears at once. */
export const preloadGraph = (): Promise<unknown> => load();

/** Shows the tasks of a job or a run and their dependencies as a drawing. */
export const Graph = ({ tasks, onSelect = () => {}, selected = null, isFilling = false }: GraphProps) => (
  <Suspense fallback={<Loading what="the graph" />}>
    <GraphView tasks={tasks} onSelect={onSelect} selected={selected} isFilling={isFilling} />
  </Suspense>
);

/** Shows the tasks of a job as a drawing and as a list. */
export const GraphCard = (props: GraphProps) => {
  const titleId = useId();
  const { tasks } = props;
  return (
    <section className="card graph-card" aria-labelledby={titleId}>
      <h2 id={titleId}>Graph</h2>
      <Graph {...props} />
      <details className="graph-list">
        <summary>{counted(tasks.length, "task")} as a list</summary>
        <ol>
          {tasks.map((task) => (
            <li key={task.id}>{taskText(task)}</li>
          ))}
        </ol>
      </details>
    </section>
  );
};
