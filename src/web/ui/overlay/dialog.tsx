import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Button } from "../button.tsx";

type DialogProps = {
  readonly title: string;
  /** Called on Escape, on the close button and on a click outside. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** False if the user must answer. */
  readonly canClose?: boolean;
  /** Uses most of the window, for texts that are compared. */
  readonly isWide?: boolean;
};

/** A modal dialog: render it while it is open. The browser traps the focus and restores it afterwards. */
export const Dialog = ({ title, onClose, children, canClose = true, isWide = false }: DialogProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Runs before effects of the children move the focus.
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => opened?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the browser handles Escape.
    <dialog
      ref={dialog}
      className={isWide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (canClose) onClose();
      }}
      onClick={(event) => {
        // Ignores the second click of a double click on the button that opened the dialog.
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
