import { useEffect, useRef, useState } from "react";
import { useChangeWorker } from "../data/actions.ts";
import type { WorkerData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";

export type WorkerAction = { readonly kind: "drain" | "resume" | "forget"; readonly worker: WorkerData };

/** Asks before it changes a worker. */
export const WorkerDialog = ({ action, onClose }: { readonly action: WorkerAction; readonly onClose: () => void }) => {
  const { kind, worker } = action;
  const { mutate, isPending } = useChangeWorker();
  const [problem, setProblem] = useState<string | null>(null);
  const answers = useRef<HTMLDivElement>(null);
  // The safe answer has the focus.
  useEffect(() => answers.current?.querySelector("button")?.focus(), []);
  const change = (): void =>
    mutate({ kind, name: worker.name }, { onSuccess: onClose, onError: (error) => setProblem(failureText(error)) });
  return (
    <Dialog title={`${VERBS[kind]} ${worker.name}?`} onClose={onClose}>
      <p>{consequence(action)}</p>
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div ref={answers} className="dialog-actions">
        <Button onClick={onClose}>Close</Button>
        <Button isOnce kind="primary" isBusy={isPending} onClick={change}>
          {VERBS[kind]}
        </Button>
      </div>
    </Dialog>
  );
};

const VERBS = { drain: "Drain", resume: "Resume", forget: "Forget" } as const;

const consequence = ({ kind, worker: { running } }: WorkerAction): string => {
  switch (kind) {
    case "drain":
      return `It claims nothing more until somebody resumes it, even over a restart. ${running.length === 0 ? "Nothing runs there now." : `What runs there goes on: ${counted(running.length, "task")}.`}`;
    case "resume":
      return "It claims tasks again as soon as it has a free slot.";
    case "forget":
      return "It is no longer listed. If it connects again, it is listed again.";
  }
};
