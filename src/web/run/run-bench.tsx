import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { artifactsQuery } from "../data/queries.ts";
import type { ArtifactData, RunDetail, TaskRunData } from "../data/shapes.ts";
import { Graph } from "../graph/graph.tsx";
import { withParam } from "../ui/choice.tsx";
import { type Tab, Tabs } from "../ui/tabs.tsx";
import { counted } from "../ui/text/format.ts";
import { Artifacts } from "./artifacts/artifacts.tsx";
import { Gantt } from "./gantt/gantt.tsx";
import { graphTask } from "./graph-tasks.ts";
import { tasksWithItems } from "./items/item-rows.ts";
import { Items } from "./items/items.tsx";
import { countValues, RunValues } from "./run-values.tsx";

type RunBenchProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  /** Id of the task whose log is shown. */
  readonly selected: string | null;
  readonly onSelect: (taskId: string) => void;
  /** The log. */
  readonly children: ReactNode;
};

/** Shows graph, tasks and values of a run as tabs, beside its log. Each scrolls by itself. */
export const RunBench = ({ run, tasks, selected, onSelect, children }: RunBenchProps) => {
  const [query, setQuery] = useSearchParams();
  const bench = useRef<HTMLDivElement>(null);
  // A link to a task of a run that has not ended asks for the task's log. The summary of a failed run has its last lines.
  const [isLogFirst] = useState(() => run.ended_at === null && Boolean(query.get("task")));
  const { data: { artifacts } = NO_ARTIFACTS } = useQuery(artifactsQuery(run.id));
  const tabs = tabsOf({ run, tasks, artifacts });
  const tab = tabs.find(({ id }) => id === query.get("tab"))?.id ?? "graph";
  const select = useCallback(
    (taskId: string): void => {
      onSelect(taskId);
      showLog(bench.current);
    },
    [onSelect],
  );
  return (
    <div
      ref={bench}
      className={`run-bench${tasks.length === 1 ? " has-one-task" : ""}${isLogFirst ? " is-log-first" : ""}`}
    >
      <div className="run-pane">
        <section className="card run-pane-card" aria-label="Tasks of the run">
          <Tabs
            label="Views of the run"
            tabs={tabs}
            selected={tab}
            onSelect={(id) => setQuery((now) => withParam(now, "tab", id === "graph" ? "" : id), { replace: true })}
          >
            {tab === "graph" && <Graph isFilling tasks={tasks.map(graphTask)} selected={selected} onSelect={select} />}
            {tab === "tasks" && <Gantt run={run} tasks={tasks} selected={selected} onSelect={select} />}
            {tab === "items" && (
              <Items runId={run.id} tasks={tasks} selected={selected} onSelected={() => showLog(bench.current)} />
            )}
            {tab === "artifacts" && <Artifacts runId={run.id} artifacts={artifacts} />}
            {tab === "values" && <RunValues run={run} tasks={tasks} />}
          </Tabs>
        </section>
      </div>
      <div className="run-pane">{children}</div>
    </div>
  );
};

const NO_ARTIFACTS: { readonly artifacts: readonly ArtifactData[] } = { artifacts: [] };

type TabsOptions = Pick<RunBenchProps, "run" | "tasks"> & { readonly artifacts: readonly ArtifactData[] };

const tabsOf = ({ run, tasks, artifacts }: TabsOptions): readonly Tab[] => [
  { id: "graph", label: "Graph" },
  { id: "tasks", label: counted(tasks.length, "task") },
  ...itemsTab(tasks),
  ...(artifacts.length === 0 ? [] : [{ id: "artifacts", label: counted(artifacts.length, "artifact") }]),
  ...(countValues({ run, tasks }) === 0 ? [] : [{ id: "values", label: "Params and outputs" }]),
];

const itemsTab = (tasks: readonly TaskRunData[]): readonly Tab[] => {
  const count = tasksWithItems(tasks).reduce((sum, { items }) => sum + items.total, 0);
  return count === 0 ? [] : [{ id: "items", label: counted(count, "item") }];
};

/** Less of the log than this is not enough to read, in px. */
const READABLE_PX = 160;

/** On a narrow screen, the log is below or above the graph: scrolls so that both are visible. */
const showLog = (bench: HTMLElement | null): void => {
  const box = bench?.lastElementChild?.getBoundingClientRect();
  if (box === undefined || (box.top + READABLE_PX <= innerHeight && box.bottom >= READABLE_PX)) return;
  bench?.scrollIntoView({ block: "start", behavior: "smooth" });
};
