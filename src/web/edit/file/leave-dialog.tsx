import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/overlay/dialog.tsx";

type LeaveDialogProps = {
  readonly path: string;
  /** True if this tab keeps the text. */
  readonly isKept: boolean;
  readonly onStay: () => void;
  readonly onLeave: () => void;
  readonly onDiscard: () => void;
};

/** Asks before a text that is not saved is left. */
export const LeaveDialog = ({ path, isKept, onStay, onLeave, onDiscard }: LeaveDialogProps) => (
  <Dialog title="Leave without saving?" onClose={onStay}>
    <p>
      Your changes of <code>{path}</code> are not saved.{" "}
      {isKept
        ? "This tab keeps them until you close it, so you can come back."
        : "This tab can’t keep them, so they will be lost."}
    </p>
    <div className="dialog-actions">
      <Button onClick={onStay}>Stay</Button>
      <Button kind="danger" onClick={onDiscard}>
        Discard them and leave
      </Button>
      {isKept && (
        <Button kind="primary" onClick={onLeave}>
          Leave
        </Button>
      )}
    </div>
  </Dialog>
);
