import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

export type ConfirmProps = {
  /** The question: "Cancel this run?". */
  readonly title: string;
  /** What the button does: "Cancel the run". */
  readonly action: string;
  /** Called once; the dialog is closed by it, too. */
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  /** What comes of it. */
  readonly children: ReactNode;
};

/** Asks before something is done that can't be undone. Render it while it is open. */
export const Confirm = ({ title, action, onConfirm, onClose, children }: ConfirmProps) => (
  <Dialog title={title} onClose={onClose}>
    <div>{children}</div>
    <div className="dialog-actions">
      <Button onClick={onClose}>Keep it</Button>
      <Button
        kind="danger"
        onClick={() => {
          onClose();
          onConfirm();
        }}
      >
        {action}
      </Button>
    </div>
  </Dialog>
);
