import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { statusWords } from "../../domain/words/waiting-for.ts";
import { useCancelRun } from "../data/actions.ts";
import { runQuery, runTasksQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { listText } from "../ui/text/format.ts";
import { Elapsed } from "../ui/time/time.tsx";

type CancelDialogProps = {
  readonly runId: string;
  /** Name of the job. */
  readonly name: string;
  readonly onClose: () => void;
  /** Called after petit accepted or refused. */
  readonly onSettled?: () => void;
};

/** Asks before it cancels a run. The dialog stays about this run, whatever happens in the list behind it. */
export const CancelDialog = ({ runId, name, onClose, onSettled = () => {} }: CancelDialogProps) => {
  const { mutate, isPending } = useCancelRun();
  const [problem, setProblem] = useState<string | null>(null);
  const answers = useRef<HTMLDivElement>(null);
  // The safe answer has the focus.
  useEffect(() => answers.current?.querySelector("button")?.focus(), []);
  const run = useQuery(runQuery(runId)).data;
  const tasks = useQuery(runTasksQuery(runId)).data?.tasks ?? [];
  const running = tasks.filter(({ status }) => status === "running").map((task) => task.name);
  const isEnding = run !== undefined && run.ending !== null;
  const isEnded = run !== undefined && !run.can_cancel;
  const cancel = (): void =>
    mutate(runId, { onSuccess: onClose, onError: (error) => setProblem(failureText(error)), onSettled });
  return (
    <Dialog title={`Cancel ${name}, run ${runId.slice(-8)}?`} onClose={onClose}>
      {isEnded ? (
        <p role="status">The run has ended: it is {run.status}.</p>
      ) : (
        <p>
          {run !== undefined && run.started_at !== null && (
            <>
              {run.waiting_for == null ? "It has been running" : `It ${statusWords(run)}, and started`}{" "}
              {run.waiting_for == null && "for "}
              <Elapsed since={run.started_at} />
              {run.waiting_for != null && " ago"}.{" "}
            </>
          )}
          {running.length > 0 && `This ends ${listText(running)}. `}
          {isEnding ? "Clean-up tasks are ended too." : "Clean-up tasks still run."}
        </p>
      )}
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div ref={answers} className="dialog-actions">
        <Button onClick={onClose}>{isEnded ? "Close" : "Keep it running"}</Button>
        {!isEnded && (
          <Button isOnce kind="danger" isBusy={isPending} onClick={cancel}>
            {isEnding ? "Cancel clean-up tasks too" : "Cancel the run"}
          </Button>
        )}
      </div>
    </Dialog>
  );
};
