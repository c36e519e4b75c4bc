import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useRef } from "react";
import { Link } from "wouter";
import { runPath } from "../../domain/words/run-path.ts";
import type { LogRecord } from "../data/lines.ts";
import { comparisonQuery, lastLinesQuery } from "../data/queries.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { withoutEscapes } from "../log/ansi/ansi.ts";
import { displayLine } from "../log/book/line.ts";
import { Diff } from "../ui/diff.tsx";
import { RunLink } from "../ui/links.tsx";
import { counted, durationText } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";
import { endText, failedTasks } from "./failing-task.ts";
import { differencesOf, type RunDifference } from "./run-differences.ts";

type RunFailureProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  readonly onSelect: (taskId: string) => void;
};

/** Shows the task that explains the failure, the line that explains it or else the last lines that it wrote, and what differs from the last successful run. */
export const RunFailure = ({ run, tasks, onSelect }: RunFailureProps) => {
  const [task, ...others] = failedTasks(tasks, run.failure?.task_id);
  if (task === undefined) return null;
  return (
    <div className="run-failure">
      <div className="run-failure-output">
        <p className="run-failure-head">
          <button type="button" className="link" onClick={() => onSelect(task.task_id)}>
            {task.name}
          </button>
          {[endText(task), attemptText(task), task.duration_ms === null ? null : durationText(task.duration_ms)]
            .filter((part) => part !== null)
            .map((part) => (
              <span key={part}>{part}</span>
            ))}
        </p>
        <Output run={run} task={task} />
        {others.length > 0 && <OtherFailures tasks={others} onSelect={onSelect} />}
      </div>
      <Differences run={run} tasks={tasks} />
    </div>
  );
};

const attemptText = ({ attempts, items }: TaskRunData): string | null => {
  if (items !== null) return `${items.failed.toLocaleString()} of ${counted(items.total, "item")} failed`;
  return attempts > 1 ? `attempt ${attempts} of ${attempts}` : attempts === 1 ? "attempt 1" : null;
};

/** Says where the output of a task is that runs other jobs. */
const ChildOutput = ({ runId, task }: { readonly runId: string; readonly task: TaskRunData }) => (
  <p className="muted run-failure-empty">
    Its output is in{" "}
    {task.child_run_id === null ? (
      <Link href={`/runs/${runId}?tab=items&task=${encodeURIComponent(task.task_id)}`}>the runs of its items</Link>
    ) : (
      <>
        run <RunLink id={task.child_run_id} />
      </>
    )}
    .
  </p>
);

const Output = ({ run, task }: { readonly run: RunDetail; readonly task: TaskRunData }) => {
  const ofAttempt = task.attempt_list.at(-1)?.cause ?? null;
  const cause = run.failure?.task_id === task.task_id ? (run.failure.cause ?? ofAttempt) : ofAttempt;
  const failed = task.failures.reduce((sum, { count }) => sum + count, 0);
  const isGrouped = failed > 1 || (failed === 1 && cause === null);
  if (isGrouped && task.failures.some(({ kind }) => kind === "line"))
    return <FailureGroups runId={run.id} task={task} />;
  if (cause !== null) return <Explanation cause={cause} itemKey={task.failures[0]?.items[0]?.key ?? null} />;
  if (task.runs_job !== null) return <ChildOutput runId={run.id} task={task} />;
  return <LastLines runId={run.id} status={run.status} task={task} />;
};

type Cause = NonNullable<TaskRunData["attempt_list"][number]["cause"]>;

type ExplanationProps = {
  readonly cause: Cause;
  /** Key of the item that failed; null if the task has none. */
  readonly itemKey: string | null;
};

const Explanation = ({ cause, itemKey }: ExplanationProps) => (
  <>
    {itemKey !== null && (
      <p className="muted">
        Item <bdi className="mono">{itemKey}</bdi>
      </p>
    )}
    {cause.child !== null && (
      <p className="muted">
        {cause.child.task_id === null ? "It" : <b>{cause.child.task_id}</b>} in run <RunLink id={cause.child.run_id} />{" "}
        of job <Link href={`/jobs/${encodeURIComponent(cause.child.job_id)}`}>{cause.child.job_id}</Link> wrote:
      </p>
    )}
    <CauseLines cause={cause} />
  </>
);

/** The failed items of a task by the line that explains them, the largest group first. Each item links to its line in the log. */
const FailureGroups = ({ runId, task }: { readonly runId: string; readonly task: TaskRunData }) => (
  <ul className="run-failure-groups" aria-label="Why its items failed">
    {task.failures.map((group) => (
      <li key={group.items[0]?.index} data-summary-line={group.items[0]?.seq ?? undefined}>
        <span className="run-failure-count">{group.count.toLocaleString()} ×</span>
        <span>
          <bdi className={group.kind === "line" ? "mono" : undefined}>
            <strong>{group.text}</strong>
          </bdi>
          <span className="run-failure-keys">
            {group.items.map(({ index, key, seq }) => (
              <Link key={index} href={runPath(runId, { taskId: task.task_id, item: index, seq })} className="mono">
                <bdi>{key}</bdi>
              </Link>
            ))}
            {group.count > group.items.length && (
              <span className="muted">and {(group.count - group.items.length).toLocaleString()} more</span>
            )}
          </span>
        </span>
      </li>
    ))}
  </ul>
);

/** The line that explains the failure, with a link to its place in the log, and the lines below it that belong to it. */
const CauseLines = ({ cause }: { readonly cause: Cause }) => (
  <ol className="run-failure-lines run-failure-cause" aria-label="The line that explains the failure">
    <li data-summary-line={cause.child === null ? cause.seq : undefined}>
      <LineLink cause={cause} />
      <bdi>
        <strong>{cause.text}</strong>
      </bdi>
    </li>
    {cause.context.map((text, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: the lines never change.
      <li key={index}>
        <span />
        <bdi>{text}</bdi>
      </li>
    ))}
  </ol>
);

const LineLink = ({ cause: { seq, child } }: { readonly cause: Cause }) =>
  child === null ? (
    <a href={`#L${seq}`} aria-label={`Line ${seq}`}>
      {seq}
    </a>
  ) : (
    <Link href={runPath(child.run_id, { taskId: child.task_id, item: child.item, seq })} aria-label={`Line ${seq}`}>
      {seq}
    </Link>
  );

type LastLinesProps = { readonly runId: string; readonly status: string; readonly task: TaskRunData };

/** The last lines of stderr, or of stdout if there are none. Each links to its place in the log. */
const LastLines = ({ runId, status, task }: LastLinesProps) => {
  const filter = {
    runId,
    taskId: task.task_id,
    attempt: task.items === null ? Math.max(1, task.attempts) : null,
    status,
  };
  const stderr = useQuery(lastLinesQuery({ ...filter, stream: "stderr" }));
  const isEmpty = stderr.data?.count === 0;
  const stdout = useQuery({ ...lastLinesQuery({ ...filter, stream: "stdout" }), enabled: isEmpty });
  const page = isEmpty ? stdout.data : stderr.data;
  const output = useRef<HTMLOListElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are at the end.
  useLayoutEffect(() => {
    if (output.current !== null) output.current.scrollTop = output.current.scrollHeight;
  }, [page]);
  if (page === undefined) return <p className="muted run-failure-empty">Loading its output …</p>;
  if (page.count === 0) return <p className="muted run-failure-empty">It wrote no output.</p>;
  return (
    <ol
      ref={output}
      className="run-failure-lines"
      aria-label={isEmpty ? "Last lines of stdout" : "Last lines of stderr"}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the lines.
      tabIndex={0}
    >
      {page.lines.map((line) => (
        <li key={line.seq} data-summary-line={line.seq}>
          <a href={`#L${line.seq}`} aria-label={`Line ${line.seq}`} tabIndex={-1}>
            {line.seq}
          </a>
          <bdi>{lineText(line)}</bdi>
        </li>
      ))}
    </ol>
  );
};

const MAX_OTHERS = 3;

const OtherFailures = ({ tasks, onSelect }: Pick<RunFailureProps, "tasks" | "onSelect">) => (
  <p className="muted">
    {counted(tasks.length, "more task")} failed:{" "}
    {tasks.slice(0, MAX_OTHERS).map(({ task_id, name }, index) => (
      <span key={task_id}>
        {index > 0 && ", "}
        <button type="button" className="link" onClick={() => onSelect(task_id)}>
          {name}
        </button>
      </span>
    ))}
    {tasks.length > MAX_OTHERS && ` and ${tasks.length - MAX_OTHERS} others`}
  </p>
);

const Differences = ({ run, tasks }: Pick<RunFailureProps, "run" | "tasks">) => {
  const comparison = useQuery(comparisonQuery(run.id)).data;
  if (comparison === undefined) return null;
  const { last_success: last, definition, same_params } = comparison;
  const hasParams = Object.keys(run.params).length > 0;
  if (last === null) return <p className="run-failure-differences muted">This job has not completed before.</p>;
  const differences = differencesOf(comparison, new Map(tasks.map(({ task_id, name }) => [task_id, name])));
  return (
    <div className="run-failure-differences">
      <h2>
        Since the <Link href={`/runs/${last.id}`}>last success</Link>
        {same_params ? hasParams && " with the same params" : " with other params"}{" "}
        <span className="muted">
          <Time at={last.ended_at ?? last.created_at} isFocusable={false} />
        </span>
      </h2>
      {!same_params && <p className="muted">No run has completed with these params.</p>}
      {differences.length === 0 && !definition.changed && (
        <p className="muted">Same params and definition, and no task took much longer.</p>
      )}
      <ul>
        {differences.map((each) => (
          <Difference key={`${each.kind} ${each.name}`} {...each} />
        ))}
      </ul>
      {definition.changed && <DefinitionDifference lines={definition.diff} />}
    </div>
  );
};

const DefinitionDifference = ({ lines }: { readonly lines: readonly string[] | null }) =>
  lines === null ? (
    <p>The definition changed.</p>
  ) : (
    <details>
      <summary>The definition changed</summary>
      <Diff lines={lines} label="Changes of the definition" />
    </details>
  );

const Difference = ({ kind, name, before, after }: RunDifference) => (
  <li>
    <span className={kind === "param" ? "mono" : undefined}>{name}</span>{" "}
    {before !== null && <del className={kind}>{before}</del>} <span aria-hidden="true">→</span>{" "}
    {after === null ? <span className="muted">not set</span> : <ins className={kind}>{after}</ins>}
  </li>
);

/** Returns the text of a line as a terminal displays it, without colours. */
const lineText = (record: LogRecord): string => withoutEscapes(displayLine(record).text);
