import type { BackfillStatus } from "../../domain/backfill/backfill.ts";
import { progressText } from "../../domain/words/schedule/backfill.ts";
import type { BackfillData } from "../data/shapes.ts";
import { type AnyStatus, Status } from "../ui/status/status.tsx";
import "./backfills.css";

const SHOWN = {
  running: "running",
  paused: "waiting",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
} as const satisfies Record<BackfillStatus, AnyStatus>;

type BackfillStatusProps = { readonly backfill: Pick<BackfillData, "status">; readonly isPill?: boolean };

/** The status of a backfill. */
export const BackfillStatusText = ({ backfill: { status }, isPill = false }: BackfillStatusProps) => (
  <Status of={SHOWN[status]} label={status} isPill={isPill} />
);

/** A bar of how many runs of a backfill have ended. A text beside it says more. */
export const Progress = ({ runs }: Pick<BackfillData, "runs">) => (
  <progress
    className="backfill-progress"
    aria-label={progressText(runs)}
    max={runs.total}
    value={runs.completed + runs.failed + runs.cancelled}
  />
);
