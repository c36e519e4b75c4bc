import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { isFinal } from "../../domain/run.ts";
import { shownStatusOf, statusWords } from "../../domain/words/waiting-for.ts";
import { cancelRun, retryRun } from "../data/actions.ts";
import { useJobName } from "../data/selected.ts";
import type { RunData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status/status.tsx";
import { counted } from "../ui/text/format.ts";
import "./actions.css";
import { CommitChoice } from "./commit-choice.tsx";

export type BulkKind = "cancel" | "retry";

/** Returns true if the action changes something for this run. */
export const isApplicable = (kind: BulkKind, { status }: Pick<RunData, "status">): boolean =>
  kind === "cancel" ? !isFinal(status) : isFinal(status) && status !== "completed";

type BulkResult =
  | { readonly kind: "done"; readonly newRun: string | null }
  | { readonly kind: "failed"; readonly error: unknown };

type BulkDialogProps = {
  readonly kind: BulkKind;
  readonly runs: readonly RunData[];
  readonly onClose: () => void;
};

const TITLES = { cancel: "Cancel", retry: "Retry" } as const satisfies Record<BulkKind, string>;

/** Lists what an action does to each of several runs, asks, and shows the result of each. */
export const BulkDialog = ({ kind, runs, onClose }: BulkDialogProps) => {
  const [targets] = useState(() => runs.filter((run) => isApplicable(kind, run)));
  const [results, setResults] = useState<ReadonlyMap<string, BulkResult>>(new Map());
  const [isBusy, setBusy] = useState(false);
  const answers = useRef<HTMLDivElement>(null);
  // The safe answer has the focus.
  useEffect(() => answers.current?.querySelector("button")?.focus(), []);
  const others = runs.length - targets.length;
  const [isLatest, setLatest] = useState(false);
  const commits = targets.flatMap(({ commit }) => (commit == null ? [] : [commit]));
  const isDone = results.size === targets.length;
  const act = async (): Promise<void> => {
    setBusy(true);
    for (const { id } of targets) {
      const result = await resultOf(kind, id, isLatest);
      setResults((before) => new Map([...before, [id, result]]));
    }
    setBusy(false);
  };
  return (
    <Dialog title={`${TITLES[kind]} ${counted(targets.length, "run")}?`} onClose={onClose}>
      <p>
        {kind === "cancel"
          ? "Their running tasks are ended; clean-up tasks still run."
          : "Each gets a new run, which keeps the tasks that completed."}
        {others > 0 && ` ${counted(others, "other selected run")} ${others === 1 ? "is" : "are"} left alone.`}
      </p>
      {kind === "retry" && commits.length > 0 && (
        <CommitChoice commits={commits} isLatest={isLatest} onChoose={setLatest} />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the list. */}
      <ul className="bulk-list" tabIndex={0} aria-label="Runs">
        {targets.map((run) => (
          <BulkRow key={run.id} run={run} result={results.get(run.id)} onLeave={onClose} />
        ))}
      </ul>
      <p className="visually-hidden" role="status">
        {results.size > 0 && `${results.size} of ${targets.length} done`}
      </p>
      <div ref={answers} className="dialog-actions">
        <Button onClick={onClose}>{isDone ? "Close" : "Change nothing"}</Button>
        {!isDone && (
          <Button isOnce kind={kind === "cancel" ? "danger" : "primary"} isBusy={isBusy} onClick={() => void act()}>
            {TITLES[kind]} {counted(targets.length, "run")}
          </Button>
        )}
      </div>
    </Dialog>
  );
};

const resultOf = async (kind: BulkKind, runId: string, isLatest: boolean): Promise<BulkResult> => {
  try {
    if (kind === "retry") {
      const { run_id: newRun } = await retryRun({ runId, scope: { kind: "rest" }, isLatest });
      return { kind: "done", newRun };
    }
    await cancelRun(runId);
    return { kind: "done", newRun: null };
  } catch (error) {
    return { kind: "failed", error };
  }
};

type BulkRowProps = {
  readonly run: RunData;
  readonly result: BulkResult | undefined;
  readonly onLeave: () => void;
};

const BulkRow = ({ run, result, onLeave }: BulkRowProps) => (
  <li data-bulk={run.id}>
    <StatusIcon of={shownStatusOf(run)} label={`${statusWords(run)}: `} />
    <span>
      {useJobName(run.job_id)} <code className="muted">{run.id.slice(-8)}</code>
    </span>
    <span className={result?.kind === "failed" ? "wrong" : "muted"}>
      {result === undefined && statusWords(run)}
      {result?.kind === "failed" && failureText(result.error)}
      {result?.kind === "done" &&
        (result.newRun === null ? (
          "is being cancelled"
        ) : (
          <Link href={`/runs/${result.newRun}`} onClick={onLeave}>
            retried by {result.newRun.slice(-8)}
          </Link>
        ))}
    </span>
  </li>
);
