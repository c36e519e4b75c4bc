import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { useCancelRun, useRetryRun, useTrigger } from "../data/actions.ts";
import { runQuery } from "../data/queries.ts";
import type { RunDetail } from "../data/shapes.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { Button } from "../ui/button.tsx";
import { failureText } from "../ui/states.tsx";

/** Buttons that cancel, retry or repeat a run. */
export const RunActions = ({ run }: { readonly run: RunDetail }) => {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const client = useQueryClient();
  // No event reports that a run is being cancelled or was retried.
  const onSettled = (): void => void client.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
  const callbacks = {
    onSettled,
    onSuccess: ({ run_id }: { readonly run_id: string }) => navigate(`/runs/${run_id}`),
    onError: setError,
  };
  const [cancel, retry, again] = [useCancelRun(), useRetryRun(), useTrigger()];
  const runAgain = (): void => again.mutate({ jobId: run.job_id, params: run.params }, callbacks);
  useShortcut({ key: "r", what: "Run again with the same params", run: runAgain });
  return (
    <>
      {run.can_cancel && (
        <Button
          isOnce
          kind="danger"
          isBusy={cancel.isPending}
          onClick={() => cancel.mutate(run.id, { onSettled, onError: setError })}
        >
          {run.ending === null ? "Cancel" : "Cancel clean-up tasks too"}
        </Button>
      )}
      {run.can_retry && (
        <Button
          isOnce
          kind="primary"
          isBusy={retry.isPending}
          onClick={() => retry.mutate({ runId: run.id }, callbacks)}
        >
          Retry from failed
        </Button>
      )}
      <Button isOnce isBusy={again.isPending} onClick={runAgain}>
        Run again
      </Button>
      {error !== null && (
        <p className="run-refusal" role="alert">
          {failureText(error)}
        </p>
      )}
    </>
  );
};
