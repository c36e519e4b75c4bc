import type { TaskRun } from "../data/shapes.ts";
import { counted, durationText, fullTimeText } from "../ui/format.ts";
import { Hint } from "../ui/hint.tsx";
import { StatusIcon, statusStyle } from "../ui/status.tsx";
import { type Piece, piecesOf } from "./gantt-pieces.ts";
import { type Scale, shareOf } from "./gantt-scale.ts";

type RowProps = {
  readonly task: TaskRun;
  readonly tasks: readonly TaskRun[];
  readonly scale: Scale;
  /** Ms since the epoch: what goes on is drawn until then. */
  readonly now: number;
  readonly isPicked: boolean;
  readonly onPick: (taskId: string) => void;
};

export const GanttRow = ({ task, tasks, scale, now, isPicked, onPick }: RowProps) => {
  const pieces = piecesOf(task, tasks, { startedAt: scale.from, now });
  return (
    <li className="gantt-row" data-gantt={task.task_id} data-status={task.status} style={statusStyle(task.status)}>
      <button
        type="button"
        className="gantt-name"
        data-row
        aria-pressed={isPicked}
        title={task.name}
        onClick={() => onPick(task.task_id)}
      >
        <StatusIcon of={task.status} label={`${task.status}: `} />
        <span>{task.name}</span>
      </button>
      <span className="gantt-track">
        {pieces.map((piece) => (
          <PieceBar key={`${piece.kind} ${piece.from}`} piece={piece} scale={scale} />
        ))}
      </span>
      <span className="gantt-took">{tookText(task, now)}</span>
      {task.error !== null && <span className="gantt-error">{task.error}</span>}
    </li>
  );
};

const tookText = ({ status, reused, reason, duration_ms, started_at, attempts }: TaskRun, now: number): string => {
  if (reused) return "reused";
  if (status === "skipped") return reason === "upstream_failed" ? "not started" : "not needed";
  const ms = duration_ms ?? (started_at === null ? null : now - started_at);
  if (ms === null) return "waits";
  return attempts > 1 ? `${durationText(ms)}, ${counted(attempts, "attempt")}` : durationText(ms);
};

const PieceBar = ({ piece, scale }: { readonly piece: Piece; readonly scale: Scale }) => {
  const [left, right] = [shareOf(scale, piece.from), shareOf(scale, piece.to)];
  const style = { left: `${left * 100}%`, width: `${(right - left) * 100}%` };
  const status = piece.kind === "attempt" ? piece.attempt.status : null;
  return (
    <span
      className={`gantt-piece gantt-${piece.kind}`}
      data-attempt={piece.kind === "attempt" ? piece.attempt.attempt : undefined}
      style={status === null ? style : { ...style, ...statusStyle(status) }}
    >
      <Hint text={pieceText(piece, scale.from)} isFocusable={false}>
        <span className="visually-hidden">{pieceText(piece, scale.from)}</span>
      </Hint>
    </span>
  );
};

const NAMES = {
  upstream: "Waited for the tasks before it",
  place: "Waited for a place",
  backoff: "Waited to be tried again",
} as const;

const pieceText = (piece: Piece, startedAt: number): string => {
  const took = durationText(piece.to - piece.from);
  const when = `${durationText(piece.from - startedAt)} after the start, ${fullTimeText(piece.from)}`;
  if (piece.kind !== "attempt") return `${NAMES[piece.kind]} for ${took}\n${when}`;
  const { attempt, status, exit_code, signal } = piece.attempt;
  const how = signal ?? (exit_code === null || exit_code === 0 ? null : `exit code ${exit_code}`);
  return `Attempt ${attempt} ${status}${how === null ? "" : ` (${how})`}, ${took}\n${when}`;
};
