import type { BackfillStatus } from "../../domain/backfill/backfill.ts";
import type { BackfillData } from "../data/shapes.ts";
import { type AnyStatus, Status } from "../ui/status/status.tsx";

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
