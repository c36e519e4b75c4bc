import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Button } from "../button.tsx";

export type DialogProps = {
  readonly title: string;
  /** Called by Escape, the close button and a click outside. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** False where there is no way around an answer. */
  readonly canClose?: boolean;
};

/** A modal dialog: render it while it is open. The browser keeps the focus in it, and gives it back. */
export const Dialog = ({ title, onClose, children, canClose = true }: DialogProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Before what is inside moves the focus.
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => opened?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same, by the browser.
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (canClose) onClose();
      }}
      onClick={(event) => {
        // The second of a double click on what opened it is none outside.
        const isOutside = event.target === dialog.current && event.detail < 2;
        if (canClose && isOutside) onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={titleId}>{title}</h2>
        {canClose && (
          <Button kind="quiet" aria-label="Close" onClick={onClose}>
            ✕
          </Button>
        )}
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
};
