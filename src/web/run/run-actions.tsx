import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { isFinal } from "../../domain/run.ts";
import { CancelDialog, RetryDialog, RunDialog } from "../actions/dialogs.ts";
import { runQuery } from "../data/queries.ts";
import { useMay } from "../data/selected.ts";
import type { RunDetail } from "../data/shapes.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { ActionButton } from "../ui/action-button.tsx";

type RunActionsProps = {
  readonly run: RunDetail;
  /** Name of the job. */
  readonly name: string;
  /** Id of the selected task. */
  readonly taskId: string | null;
};

type ActionName = "cancel" | "retry" | "again";

/** Buttons that cancel, retry or repeat a run. Each opens a dialog that asks first. */
export const RunActions = ({ run, name, taskId }: RunActionsProps) => {
  const [asked, setAsked] = useState<ActionName | null>(null);
  const [couldCancel] = useState(run.can_cancel);
  const client = useQueryClient();
  // No event reports that a run is being cancelled.
  const refresh = (): void => void client.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
  useShortcut({ key: "r", what: "Run again, with a form", run: () => setAsked("again"), isOn: useMay("operator") });
  const close = (): void => setAsked(null);
  return (
    <>
      {(run.can_cancel || couldCancel) && (
        <ActionButton
          needs="operator"
          isOnce
          kind="danger"
          // Keeps its place after the run has ended, so that no other button moves under the pointer.
          className={run.can_cancel ? "" : "is-away"}
          onClick={() => setAsked("cancel")}
        >
          {run.ending === null ? "Cancel" : "Cancel clean-up tasks too"}
        </ActionButton>
      )}
      {isFinal(run.status) && (
        <ActionButton
          needs="operator"
          isOnce
          kind={run.can_retry && run.recovered_by == null ? "primary" : "plain"}
          onClick={() => setAsked("retry")}
        >
          Retry
        </ActionButton>
      )}
      <ActionButton needs="operator" isOnce onClick={() => setAsked("again")}>
        Run again
      </ActionButton>
      {asked === "cancel" && <CancelDialog runId={run.id} name={name} onClose={close} onSettled={refresh} />}
      {asked === "retry" && <RetryDialog runId={run.id} name={name} taskId={taskId} onClose={close} />}
      {asked === "again" && <RunDialog jobId={run.job_id} params={run.params} onClose={close} />}
    </>
  );
};
