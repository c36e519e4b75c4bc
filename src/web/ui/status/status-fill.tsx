import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import type { ShownStatus } from "../../../domain/words/waiting-for.ts";
import { statusStyle } from "./status.tsx";

/** On the ground of a failure. */
const DARKER = { stroke: "color-mix(in srgb, var(--status) 50%, black)" } as const;

/** Textures of bars. They tell statuses apart without colour, and in grayscale a failure is at least as dark as a success. */
const TEXTURES = {
  completed: <rect width="6" height="6" fill="var(--status)" />,
  running: <rect width="6" height="6" fill="var(--status-ground)" />,
  waiting: <path d="M1 0v6M4 0v6" stroke="var(--status)" strokeWidth="1.2" />,
  pending: <path d="M0 3h3" stroke="var(--status)" strokeWidth="2" />,
  failed: (
    <>
      <rect width="6" height="6" fill="var(--status)" />
      <path d="M-2 2 2-2M-2 8 8-2M4 8 8 4" style={DARKER} strokeWidth="2" />
    </>
  ),
  cancelled: <path d="M0 1.5h6M0 4.5h6" stroke="var(--status)" strokeWidth="1.4" />,
  interrupted: (
    <>
      <rect width="6" height="6" fill="var(--status)" />
      <path d="M1.5 0v6M4.5 0v6" style={DARKER} strokeWidth="1.2" />
    </>
  ),
} as const satisfies Record<ShownStatus<RunStatus>, unknown>;

const SHOWN_STATUSES = [...RUN_STATUSES, "waiting"] as const;

/** Defines the textures. Render it once on a page with bars. */
export const StatusFills = () => (
  <svg aria-hidden="true" width="0" height="0" className="status-fills">
    <defs>
      {SHOWN_STATUSES.map((status) => (
        <pattern
          key={status}
          id={`fill-${status}`}
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          style={statusStyle(status)}
        >
          <rect width="6" height="6" fill="var(--status-ground)" />
          {TEXTURES[status]}
        </pattern>
      ))}
    </defs>
  </svg>
);

/** For a shape of that status: `<path {...barLook("failed")} />`. */
export const barStyle = (status: ShownStatus<RunStatus>) => ({
  fill: `url(#fill-${status})`,
  stroke: "var(--status)",
  style: statusStyle(status),
});
