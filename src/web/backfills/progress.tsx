import { progressText } from "../../domain/words/schedule/backfill.ts";
import type { BackfillData } from "../data/shapes.ts";
import "./backfills.css";

/** A bar of how many runs of a backfill have ended. A text beside it says more. */
export const Progress = ({ runs }: Pick<BackfillData, "runs">) => (
  <progress
    className="backfill-progress"
    aria-label={progressText(runs)}
    max={runs.total}
    value={runs.completed + runs.failed + runs.cancelled}
  />
);
