import { useEffect, useRef, useState } from "react";
import { useChangeBackfill } from "../data/actions.ts";
import type { BackfillData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";

type CancelBackfillDialogProps = { readonly backfill: BackfillData; readonly onClose: () => void };

/** Asks before it cancels a backfill. */
export const CancelBackfillDialog = ({ backfill, onClose }: CancelBackfillDialogProps) => {
  const { id, job_id, runs, ended_at } = backfill;
  const { mutate, isPending } = useChangeBackfill({ isFailureShown: true });
  const [problem, setProblem] = useState<string | null>(null);
  const answers = useRef<HTMLDivElement>(null);
  // The safe answer has the focus.
  useEffect(() => answers.current?.querySelector("button")?.focus(), []);
  const cancel = (): void =>
    mutate({ id, change: "cancel" }, { onSuccess: onClose, onError: (error) => setProblem(failureText(error)) });
  return (
    <Dialog title={`Cancel the backfill of ${job_id}?`} onClose={onClose}>
      {ended_at === null ? (
        <p>
          {runs.running > 0 &&
            `${counted(runs.running, "run")} that ${runs.running === 1 ? "is" : "are"} running will be cancelled. `}
          {runs.pending > 0 && `${counted(runs.pending, "occurrence")} will not be run.`}
        </p>
      ) : (
        <p role="status">The backfill has ended.</p>
      )}
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div ref={answers} className="dialog-actions">
        <Button onClick={onClose}>{ended_at === null ? "Keep it running" : "Close"}</Button>
        {ended_at === null && (
          <Button isOnce kind="danger" isBusy={isPending} onClick={cancel}>
            Cancel the backfill
          </Button>
        )}
      </div>
    </Dialog>
  );
};
