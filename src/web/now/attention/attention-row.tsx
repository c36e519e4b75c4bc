import { memo, type ReactNode } from "react";
import { Link } from "wouter";
import { BLOCKED_TEXT } from "../../../domain/words/attention.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { WORKER_REFUSAL_TEXT } from "../../../domain/words/worker.ts";
import { type AskingTask, DECISIONS } from "../../actions/decision-dialog.tsx";
import type { AttentionItem } from "../../data/shapes.ts";
import { useJobName } from "../../data/use-job-name.ts";
import { Button } from "../../ui/button.tsx";
import { StatusIcon } from "../../ui/status/status.tsx";
import { counted, roughText } from "../../ui/text/format.ts";
import { Time } from "../../ui/time/time.tsx";

/** An action of an item that asks first. */
export type AttentionAction =
  | { readonly kind: "retry" | "cancel"; readonly runId: string; readonly jobId: string }
  | ({ readonly kind: "approve" | "reject" } & AskingTask);

type RowProps = { readonly item: AttentionItem; readonly onAsk: (action: AttentionAction) => void };

/** Something that needs attention: what, since when, why, and what the user can do. */
export const AttentionRow = memo(({ item, onAsk }: RowProps) => {
  const { what, subject, detail, actions } = partsOf(item, onAsk);
  return (
    <li className="attention-row" data-kind={item.kind}>
      <StatusIcon of={item.severity === "error" ? "failed" : "missed"} label={`${item.severity}: `} />
      <div className="attention-what">
        <p>
          {subject} <span className="attention-state">{what}</span>{" "}
          <span className="muted">
            since <Time at={item.since} isFocusable={false} />
          </span>
        </p>
        {detail !== null && <p className="attention-why">{detail}</p>}
      </div>
      <div className="attention-actions">{actions}</div>
    </li>
  );
});

type RowParts = {
  readonly subject: ReactNode;
  readonly what: string;
  readonly detail: ReactNode;
  readonly actions: ReactNode;
};

const partsOf = (item: AttentionItem, onAsk: RowProps["onAsk"]): RowParts => {
  switch (item.kind) {
    case "job_failing":
    case "job_flapping":
      return {
        subject: <JobLink jobId={item.job_id} />,
        what: resultText(item),
        detail: <Why failure={item.failure} />,
        actions: (
          <>
            {item.kind === "job_failing" && (
              <Button
                isOnce
                aria-label={`Retry ${item.job_id}`}
                onClick={() => onAsk({ kind: "retry", runId: item.run_id, jobId: item.job_id })}
              >
                Retry
              </Button>
            )}
            <LogLink runId={item.run_id} taskId={item.failure.task_id} jobId={item.job_id} />
          </>
        ),
      };
    case "run_stuck":
      return {
        subject: <JobLink jobId={item.job_id} />,
        what: `has been running for ${roughText(item.elapsed_ms)}, usually ${roughText(item.usual_ms)}`,
        detail: item.task_id === null ? null : <>waiting for {item.task_id}</>,
        actions: (
          <>
            <Button
              isOnce
              aria-label={`Cancel ${item.job_id}`}
              onClick={() => onAsk({ kind: "cancel", runId: item.run_id, jobId: item.job_id })}
            >
              Cancel
            </Button>
            <LogLink runId={item.run_id} taskId={item.task_id} jobId={item.job_id} />
          </>
        ),
      };
    case "run_late":
      if (item.cause === "warn_after")
        return {
          subject: <JobLink jobId={item.job_id} />,
          what: `${counted(item.count, "run")} late, ${item.count === 1 ? "" : "the first "}due ${roughText(item.waited_ms)} ago`,
          detail: placeOf(item),
          actions: (
            <>
              <Button
                isOnce
                aria-label={`Cancel ${item.job_id}`}
                onClick={() => onAsk({ kind: "cancel", runId: item.run_id, jobId: item.job_id })}
              >
                Cancel
              </Button>
              <LogLink runId={item.run_id} taskId={null} jobId={item.job_id} />
            </>
          ),
        };
      return {
        subject: <JobLink jobId={item.job_id} />,
        what: `${counted(item.count, "run")} waiting${item.count === 1 ? "" : ", the first"} for ${roughText(item.waited_ms)}`,
        detail: placeOf(item),
        actions: (
          <Link className="button" href={`/runs?status=pending&job=${item.job_id}`}>
            Waiting runs
          </Link>
        ),
      };
    case "approval_needed": {
      const { job_id: jobId, run_id: runId, task_id: taskId, task_name: taskName, prompt } = item;
      return {
        subject: <JobLink jobId={jobId} />,
        what: "waits for approval",
        detail: (
          <>
            <strong>{taskName}</strong> {prompt}
          </>
        ),
        actions: (
          <>
            {DECISIONS.map(({ kind, label, button }) => (
              <Button
                key={kind}
                isOnce
                kind={button}
                aria-label={`${label} ${taskName} of ${jobId}`}
                onClick={() => onAsk({ kind, jobId, runId, taskId, taskName, prompt })}
              >
                {label}
              </Button>
            ))}
            <Link className="button" href={`/runs/${runId}`}>
              Run
            </Link>
          </>
        ),
      };
    }
    case "worker_unreachable":
      return {
        subject: (
          <Link href={`/workers#${item.worker}`} className="attention-job" data-row>
            {item.worker}
          </Link>
        ),
        what: item.lost ? "unreachable for longer than lost_after" : "unreachable",
        detail: <RunsThere running={item.running} />,
        actions: (
          <Link className="button" href={`/workers#${item.worker}`}>
            Workers
          </Link>
        ),
      };
    case "worker_refused":
      return {
        subject: (
          <Link href={`/workers#${item.worker}`} className="attention-job" data-row>
            {item.worker}
          </Link>
        ),
        what: `gets no work: ${WORKER_REFUSAL_TEXT[item.reason]}`,
        detail: item.detail,
        actions: (
          <Link className="button" href={`/workers#${item.worker}`}>
            Workers
          </Link>
        ),
      };
    case "no_worker": {
      const { job_id: jobId, run_id: runId, task_id: taskId, count } = item;
      return {
        subject: <JobLink jobId={jobId} />,
        what: `waits for ${waitsForText({ ...item, code: "worker", connected: 0 })}`,
        detail: (
          <>
            <strong>{taskId}</strong>
            {count > 1 && ` and ${counted(count - 1, "more task")}`}
          </>
        ),
        actions: (
          <>
            <Link className="button" href="/workers">
              Workers
            </Link>
            <Link className="button" data-row href={`/runs/${runId}?task=${taskId}`} aria-label={`Run of ${jobId}`}>
              Run
            </Link>
          </>
        ),
      };
    }
    case "nats_unreachable":
      return {
        subject: <strong>NATS</strong>,
        what: "unreachable, so nothing new starts on workers",
        detail: (
          <>
            <span className="mono">{item.url}</span> <span className="attention-line">{item.error}</span>
          </>
        ),
        actions: (
          <Link className="button" href="/workers" data-row>
            Workers
          </Link>
        ),
      };
    case "transfer_blocked":
      return {
        subject: item.job_id === null ? <strong>Workers</strong> : <JobLink jobId={item.job_id} />,
        what: BLOCKED_TEXT[item.by],
        detail: <span className="attention-line">{item.error}</span>,
        actions: (
          <>
            <Link className="button" href="/workers" data-row={item.run_id === null || undefined}>
              Workers
            </Link>
            {item.run_id !== null && (
              <Link className="button" data-row href={`/runs/${item.run_id}`} aria-label={`Run of ${item.job_id}`}>
                Run
              </Link>
            )}
          </>
        ),
      };
    case "notifications_undelivered":
      return {
        subject: <JobLink jobId={item.job_id} />,
        what: `${counted(item.count, "notification")} not delivered`,
        detail: (
          <>
            {item.type} {item.target} <span className="attention-line">{item.error}</span>
          </>
        ),
        actions: (
          <Link className="button" href="/system#notifications">
            Notifications
          </Link>
        ),
      };
    case "internal_error":
      return {
        subject: item.job_id === null ? "petit" : <JobLink jobId={item.job_id} />,
        what: internalErrorText(item),
        detail: <span className="attention-line">{item.error}</span>,
        actions:
          item.run_id === null ? null : (
            <Link className="button" data-row href={`/runs/${item.run_id}`} aria-label={`Run of ${item.job_id}`}>
              Run
            </Link>
          ),
      };
    case "retention_undecided":
      return {
        subject: "petit",
        what: `keeps ${counted(item.runs, "old run")}`,
        detail: <span className="attention-line">{item.message}</span>,
        actions: null,
      };
    case "open_to_users":
      return {
        subject: "petit",
        what: "runs as root and requires no token",
        detail: <span className="attention-line">{item.message}</span>,
        actions: null,
      };
    case "lost_processes":
      return {
        subject: "petit",
        what: `does not know ${counted(item.count, "process group")} that still ${item.count === 1 ? "runs" : "run"}`,
        detail: <span className="attention-line">{item.message}</span>,
        actions: null,
      };
    case "job_file_broken":
      return {
        subject: (
          <strong className="mono">
            {item.file}:{item.line}:{item.column}
          </strong>
        ),
        what: `has ${counted(item.problems, "problem")}`,
        detail: (
          <span className="attention-line">
            {item.path === "" ? "" : `${item.path}: `}
            {item.problem}
          </span>
        ),
        actions: (
          <Link className="button" href="/system#problems">
            Problems
          </Link>
        ),
      };
    default:
      // petit may be newer than this page.
      return { subject: null, what: (item satisfies never as AttentionItem).message, detail: null, actions: null };
  }
};

/** What a late run waits for; null if nothing keeps it. */
const placeOf = ({ waits_for }: Extract<AttentionItem, { readonly kind: "run_late" }>): ReactNode =>
  waits_for === null ? null : `waits for ${waitsForText(waits_for)}`;

type ThereAttempt = Extract<AttentionItem, { readonly kind: "worker_unreachable" }>["running"][number];

/** What an unreachable worker runs, as far as petit knows. */
const RunsThere = ({ running: [first, ...others] }: { readonly running: readonly ThereAttempt[] }) =>
  first === undefined ? (
    "nothing runs there"
  ) : (
    <>
      <Link href={`/runs/${first.run_id}?task=${first.task_id}`}>
        <strong>{first.task_id}</strong> of {first.job_id}
      </Link>
      {others.length > 0 && ` and ${counted(others.length, "more task")}`} {others.length === 0 ? "runs" : "run"} there
    </>
  );

type ResultItem = Extract<AttentionItem, { readonly kind: "job_failing" | "job_flapping" }>;

const resultText = (item: ResultItem): string => {
  const onAndOff = `${item.recent_failures} of the last ${item.recent_runs} runs`;
  if (item.kind === "job_flapping") return `fails on and off: ${onAndOff}`;
  if (item.flapping) return `failed, as did ${onAndOff}`;
  return item.count === 1 ? "failed" : `failed ${item.count.toLocaleString()} times in a row`;
};

const internalErrorText = ({ job_id, run_id }: Extract<AttentionItem, { readonly kind: "internal_error" }>): string => {
  if (job_id === null) return "failed at something";
  return run_id === null ? "can’t start on schedule" : "has a run that can’t go on";
};

const JobLink = ({ jobId }: { readonly jobId: string }) => {
  const name = useJobName(jobId);
  return (
    <Link href={`/jobs/${jobId}`} className="attention-job">
      {name}
    </Link>
  );
};

/** Why a run failed: its task, how that ended, and the last line that it wrote. */
const Why = ({ failure: { task_id, error, reason, last_line } }: { readonly failure: ResultItem["failure"] }) => (
  <>
    {task_id !== null && <strong>{task_id}</strong>} {error ?? reason?.replaceAll("_", " ")}{" "}
    {last_line !== null && (
      <span className="attention-line mono" title={last_line.text}>
        {last_line.text}
      </span>
    )}
  </>
);

type LogLinkProps = {
  readonly runId: string;
  readonly taskId: string | null;
  readonly jobId: string;
};

const LogLink = ({ runId, taskId, jobId }: LogLinkProps) => (
  <Link
    className="button"
    data-row
    href={`/runs/${runId}${taskId === null ? "" : `?task=${taskId}`}`}
    aria-label={`Log of ${jobId}`}
  >
    Log
  </Link>
);
