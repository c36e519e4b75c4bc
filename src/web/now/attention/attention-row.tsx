import { memo } from "react";
import { Link } from "wouter";
import { isHandledEntry } from "../../../domain/inbox/order.ts";
import {
  type AskingTask,
  type AttentionAction,
  type AttentionDetail,
  type AttentionSubject,
  attentionWords,
} from "../../../domain/words/attention.ts";
import { consequencesText } from "../../../domain/words/inbox/consequence.ts";
import { markText } from "../../../domain/words/inbox/mark.ts";
import { runPath, shortRunId } from "../../../domain/words/run-path.ts";
import { assertNever } from "../../../lib/never.ts";
import { DECISIONS } from "../../actions/decisions.ts";
import { useUnhandleAttention } from "../../data/actions.ts";
import { useJobName } from "../../data/selected.ts";
import type { AttentionItem } from "../../data/shapes.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { StatusIcon } from "../../ui/status/status.tsx";
import { capital, dateTimeText, roughText } from "../../ui/text/format.ts";
import { LongText } from "../../ui/text/long-text.tsx";
import { Time } from "../../ui/time/time.tsx";

/** A change that asks first. */
export type AskedChange =
  | { readonly kind: "retry" | "cancel"; readonly runId: string; readonly jobId: string }
  | ({ readonly kind: "approve" | "reject" } & AskingTask);

type RowProps = {
  readonly item: AttentionItem;
  readonly onAsk: (change: AskedChange) => void;
  readonly onHandle: (item: AttentionItem) => void;
};

/** Something that needs attention: what, since when, why, and what the user can do. */
export const AttentionRow = memo(({ item, onAsk, onHandle }: RowProps) => {
  const { subject, what, details, actions } = attentionWords(item, roughText);
  const main = subject.kind === "worker" ? undefined : actions.findLast(isLink);
  return (
    <li className="attention-row" data-kind={item.kind}>
      <StatusIcon of={item.severity === "error" ? "failed" : "missed"} label={`${item.severity}: `} />
      <div className="attention-what">
        <p>
          <Subject subject={subject} /> <span className="attention-state">{what}</span>
          {item.kind !== "run_stuck" && <Since at={item.since} />}
        </p>
        {details.length > 0 && (
          <p className="attention-why">
            {details.map((detail) => (
              <Detail key={`${detail.kind} ${detail.text}`} detail={detail} />
            ))}
          </p>
        )}
        <Said item={item} />
      </div>
      <div className="attention-actions">
        {actions.map((action) => (
          <Action key={action.kind} action={action} isMain={action === main} onAsk={onAsk} />
        ))}
        {item.id !== undefined && <Handle item={item} onHandle={onHandle} />}
      </div>
    </li>
  );
});

/** When it began. Not shown for a stuck run, because the text before it says how long the run has been running. */
const Since = ({ at }: { readonly at: number }) => (
  <>
    {" "}
    <span className="muted">
      since <Time at={at} isFocusable={false} />
    </span>
  </>
);

/** What waits for it, and what people said about it. */
const Said = ({ item }: { readonly item: AttentionItem }) => {
  const text = [consequencesText(item), markText(item, dateTimeText)].filter((each) => each !== "").join("; ");
  return text === "" ? null : <p className="attention-said muted">{capital(text)}</p>;
};

const Handle = ({ item, onHandle }: Pick<RowProps, "item" | "onHandle">) => {
  const { mutate, isPending } = useUnhandleAttention();
  const about = aboutOf(item);
  return isHandledEntry(item) ? (
    <ActionButton
      needs="operator"
      isOnce
      kind="quiet"
      isBusy={isPending}
      aria-label={`Take back: ${about}`}
      onClick={() => mutate(item.id)}
    >
      Take back
    </ActionButton>
  ) : (
    <ActionButton
      needs="operator"
      kind="quiet"
      aria-label={`Acknowledge or snooze ${about}`}
      onClick={() => onHandle(item)}
    >
      Acknowledge
    </ActionButton>
  );
};

/** Returns what an entry is about, for buttons and dialogs: also the run, if a job can have several such entries. */
export const aboutOf = (item: AttentionItem): string => {
  if (item.kind === "approval_needed") return `${item.task_id} of ${item.job_id}, run ${shortRunId(item.run_id)}`;
  if (item.kind === "run_stuck") return `${item.job_id}, run ${shortRunId(item.run_id)}`;
  if (item.kind === "memory_near_limit") return `${item.task_id} of ${item.job_id}`;
  const { subject } = attentionWords(item);
  switch (subject.kind) {
    case "job":
      return subject.jobId;
    case "worker":
      return `worker ${subject.worker}`;
    case "file":
      return subject.file;
    case "petit":
      return subject.part;
    default:
      return assertNever(subject);
  }
};

const isLink = ({ kind }: AttentionAction): boolean => kind !== "retry" && kind !== "cancel" && kind !== "decide";

const Subject = ({ subject }: { readonly subject: AttentionSubject }) => {
  switch (subject.kind) {
    case "job":
      return <JobLink jobId={subject.jobId} />;
    case "worker":
      return (
        <Link href={`/workers#${subject.worker}`} className="attention-job" data-row>
          {subject.worker}
        </Link>
      );
    case "file":
      return (
        <strong className="mono">
          {subject.file}:{subject.line}:{subject.column}
        </strong>
      );
    case "petit":
      return <strong>{subject.part}</strong>;
    default:
      return assertNever(subject);
  }
};

const JobLink = ({ jobId }: { readonly jobId: string }) => {
  const name = useJobName(jobId);
  return (
    <Link href={`/jobs/${jobId}`} className="attention-job">
      {name}
    </Link>
  );
};

/** A part of the explanation, and the space before the next one. */
const Detail = ({ detail: { kind, text, path } }: { readonly detail: AttentionDetail }) => {
  switch (kind) {
    case "text":
      return (
        <>
          <LongText text={text} />{" "}
        </>
      );
    case "name":
      return path === undefined ? (
        <>
          <strong>{text}</strong>{" "}
        </>
      ) : (
        <>
          <Link href={path}>
            <strong>{text}</strong>
          </Link>{" "}
        </>
      );
    case "line":
      return <LongText text={text}>{(shown) => <span className="attention-line">{shown}</span>}</LongText>;
    case "output":
      return (
        <LongText text={text}>
          {(shown) =>
            path === undefined ? (
              <span className="attention-line mono">{shown}</span>
            ) : (
              <Link href={path} className="attention-line mono">
                {shown}
              </Link>
            )
          }
        </LongText>
      );
    default:
      return assertNever(kind);
  }
};

type ActionProps = {
  readonly action: AttentionAction;
  /** Whether it leads to what the row is about. */
  readonly isMain: boolean;
  readonly onAsk: RowProps["onAsk"];
};

const Action = ({ action, isMain, onAsk }: ActionProps) => {
  switch (action.kind) {
    case "retry":
    case "cancel": {
      const { kind, runId, jobId } = action;
      const label = kind === "retry" ? "Retry" : "Cancel";
      return (
        <ActionButton
          needs="operator"
          isOnce
          aria-label={`${label} ${jobId}`}
          onClick={() => onAsk({ kind, runId, jobId })}
        >
          {label}
        </ActionButton>
      );
    }
    case "decide":
      return <Decisions task={action.task} onAsk={onAsk} />;
    case "log":
    case "run": {
      const label = action.kind === "log" ? "Log" : "Open run";
      const path = action.kind === "log" ? action.path : runPath(action.runId, { taskId: action.taskId });
      const about = action.jobId === null ? label : `${label} of ${action.jobId}`;
      return <Lead to={path} label={label} about={about} isMain={isMain} />;
    }
    case "waiting_runs":
      return <Lead to={`/runs?status=pending&job=${action.jobId}`} label="Waiting runs" isMain={isMain} />;
    case "schedule":
      return <Lead to={`/jobs/${action.jobId}#occurrences`} label="Schedule" isMain={isMain} />;
    case "worker":
      return <Lead to={`/workers#${action.worker}`} label="Workers" isMain={isMain} />;
    case "workers":
      return <Lead to="/workers" label="Workers" isMain={isMain} />;
    case "notifications":
      return <Lead to="/system#notifications" label="Notifications" isMain={isMain} />;
    case "repository":
      return <Lead to="/system#job-files" label="Job files" isMain={isMain} />;
    case "tokens":
      return <Lead to="/system/tokens" label="Tokens" isMain={isMain} />;
    case "problems":
      return <Lead to="/system#problems" label="Problems" isMain={isMain} />;
    default:
      return assertNever(action);
  }
};

const Decisions = ({ task, onAsk }: { readonly task: AskingTask; readonly onAsk: RowProps["onAsk"] }) =>
  DECISIONS.map(({ kind, label, button }) => (
    <ActionButton
      needs="operator"
      key={kind}
      isOnce
      kind={button}
      aria-label={`${label} ${task.taskName} of ${task.jobId}, run ${shortRunId(task.runId)}`}
      onClick={() => onAsk({ kind, ...task })}
    >
      {label}
    </ActionButton>
  ));

type LeadProps = {
  readonly to: string;
  readonly label: string;
  /** What the link leads to, for screen readers. Default: the label. */
  readonly about?: string;
  readonly isMain: boolean;
};

/** A link that looks like a button. The keys that move between rows move between the main ones. */
const Lead = ({ to, label, about = label, isMain }: LeadProps) => (
  <Link className="button" href={to} aria-label={about} data-row={isMain || undefined}>
    {label}
  </Link>
);
