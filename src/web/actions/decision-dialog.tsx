import { useId, useState } from "react";
import type { AskingTask } from "../../domain/words/attention.ts";
import { useDecide } from "../data/actions.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";

type DecisionDialogProps = {
  readonly kind: "approve" | "reject";
  readonly task: AskingTask;
  /** Name of the job. */
  readonly name: string;
  readonly onClose: () => void;
};

/** Asks for a comment before it approves or rejects a task. */
export const DecisionDialog = ({ kind, task, name, onClose }: DecisionDialogProps) => {
  const { mutate, isPending } = useDecide();
  const [comment, setComment] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const commentId = useId();
  const { runId, taskId, taskName, prompt, params } = task;
  const decide = (): void =>
    mutate(
      { kind, runId, taskId, comment: comment.trim() },
      { onSuccess: onClose, onError: (error) => setProblem(failureText(error)) },
    );
  const verb = kind === "approve" ? "Approve" : "Reject";
  return (
    <Dialog title={`${verb} ${taskName} of ${name}, run ${runId.slice(-8)}?`} onClose={onClose}>
      {prompt !== null && <p className="decision-prompt">{prompt}</p>}
      {params !== "" && <p className="mono">{params}</p>}
      <p className="muted">
        {kind === "approve" ? "The run continues." : "The task fails, and so does the run unless its job allows that."}
      </p>
      <div className="field">
        <label htmlFor={commentId}>Comment</label>
        <textarea
          id={commentId}
          rows={3}
          maxLength={4096}
          value={comment}
          onChange={({ target }) => setComment(target.value)}
        />
      </div>
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Decide later</Button>
        <Button isOnce kind={kind === "approve" ? "primary" : "danger"} isBusy={isPending} onClick={decide}>
          {verb}
        </Button>
      </div>
    </Dialog>
  );
};
