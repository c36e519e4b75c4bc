import type { ReactNode } from "react";
import type { DeliveryOutcome } from "../../../domain/deliveries/delivery.ts";
import type { WaitingCode } from "../../../domain/limits/waiting-for.ts";
import type { RunStatus } from "../../../domain/run.ts";
import type { Outcome } from "../../../domain/schedule/occurrence.ts";
import type { TaskStatus } from "../../../domain/task-run.ts";
import { shownStatusOf, statusWords } from "../../../domain/words/waiting-for.ts";

/** Status of a run, a task, an occurrence or a delivery. */
export type AnyStatus = RunStatus | TaskStatus | Outcome | DeliveryOutcome | "allowed" | "due" | "waiting";

type StatusAppearance = {
  /** Name of the CSS variables: `--completed` for the foreground, `--completed-ground` for the background. */
  readonly token: string;
  /** Icon. It distinguishes statuses without colour. */
  readonly shape: ReactNode;
};

const stroke = { fill: "none", stroke: "currentColor", strokeWidth: 2, strokeLinecap: "round" } as const;

const APPEARANCES = {
  completed: { token: "completed", shape: <path d="M3 8.5 6.5 12 13 4.5" {...stroke} /> },
  fired: { token: "completed", shape: <path d="M3 8.5 6.5 12 13 4.5" {...stroke} /> },
  failed: { token: "failed", shape: <path d="M4 4l8 8M12 4l-8 8" {...stroke} /> },
  allowed: { token: "missed", shape: <path d="M4 4l8 8M12 4l-8 8" {...stroke} /> },
  running: { token: "running", shape: <path d="M8 2a6 6 0 1 1-6 6" {...stroke} /> },
  waiting: { token: "due", shape: <path d="M5.5 3.5v9M10.5 3.5v9" {...stroke} /> },
  pending: { token: "pending", shape: <circle cx="8" cy="8" r="5.5" {...stroke} strokeDasharray="2 3.76" /> },
  cancelled: { token: "cancelled", shape: <rect x="3" y="3" width="10" height="10" rx="1.5" fill="currentColor" /> },
  interrupted: { token: "interrupted", shape: <path d="M9.5 1.5 4 9h4l-1.5 5.5L12 7H8z" fill="currentColor" /> },
  skipped: { token: "skipped", shape: <path d="M3 4l5 4-5 4zM8 4l5 4-5 4z" fill="currentColor" /> },
  missed: { token: "missed", shape: <path d="M8 2.5 14 13H2z" {...stroke} strokeLinejoin="round" /> },
  merged: { token: "skipped", shape: <path d="M3 3.5 8 8.5 13 3.5M8 8.5V13" {...stroke} /> },
  due: { token: "due", shape: <circle cx="8" cy="8" r="5" {...stroke} /> },
} as const satisfies Record<AnyStatus, StatusAppearance>;

/** Returns a style that sets the CSS variables `--status` and `--status-ground` to the colours of a status. */
export const statusStyle = (status: AnyStatus): Record<`--${string}`, string> => {
  const { token } = APPEARANCES[status];
  return { "--status": `var(--${token})`, "--status-ground": `var(--${token}-ground)` };
};

/** The icon of a status. Pass `label` if no text stands beside it. */
export const StatusIcon = ({ of, label }: { readonly of: AnyStatus; readonly label?: string }) => (
  <>
    <svg
      aria-hidden="true"
      className={of === "running" ? "status-icon turns" : "status-icon"}
      style={statusStyle(of)}
      viewBox="0 0 16 16"
    >
      {APPEARANCES[of].shape}
    </svg>
    {label !== undefined && <span className="visually-hidden">{label}</span>}
  </>
);

type StatusProps = {
  readonly of: AnyStatus;
  /** Adds a background. */
  readonly isPill?: boolean;
  /** Text in place of the status: "waiting". */
  readonly label?: string;
};

type RunStatusProps = {
  readonly run: {
    readonly status: RunStatus | TaskStatus;
    /** An older petit does not send it. */
    readonly waiting_for?: WaitingCode | null;
  };
  readonly isPill?: boolean;
};

/** The status of a run or a task, or what it waits for if it only waits. */
export const RunStatusText = ({ run, isPill = false }: RunStatusProps) => (
  <Status of={shownStatusOf(run)} isPill={isPill} label={statusWords(run)} />
);

/** Icon and text of a status, in its colour. */
export const Status = ({ of, isPill = false, label = of }: StatusProps) => (
  <span className={isPill ? "status status-pill" : "status"} style={statusStyle(of)}>
    <StatusIcon of={of} />
    {label}
  </span>
);
