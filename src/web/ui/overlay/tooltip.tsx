import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";

export type TooltipProps = {
  /** What is told beside; line breaks count. */
  readonly text: string;
  readonly children: ReactNode;
  /** False where what is inside takes the focus by itself. */
  readonly isFocusable?: boolean;
};

/** A tooltip: shown while the pointer or the focus is there; Escape hides it. It lies above all, and is never cut off. */
export const Tooltip = ({ text, children, isFocusable = true }: TooltipProps) => {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const anchor = useRef<HTMLSpanElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it reacts to the pointer as to the focus.
    <span
      ref={anchor}
      className="hint"
      {...(isFocusable ? { tabIndex: 0 } : {})}
      aria-describedby={isShown ? id : undefined}
      onPointerEnter={() => setShown(true)}
      onPointerLeave={() => setShown(false)}
      onFocus={() => setShown(true)}
      onBlur={() => setShown(false)}
      onKeyDown={(event) => event.key === "Escape" && setShown(false)}
    >
      {children}
      {isShown && <TooltipText id={id} text={text} anchor={anchor.current} />}
    </span>
  );
};

type TooltipTextProps = {
  readonly id?: string;
  readonly text: string;
  /** What it is told beside. */
  readonly anchor: { readonly getBoundingClientRect: () => DOMRect } | null;
};

/** The text of a tooltip, for as long as it is there. */
export const TooltipText = ({ id, text, anchor }: TooltipTextProps) => {
  const shown = useRef<HTMLSpanElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has another size.
  useLayoutEffect(() => {
    if (shown.current === null || anchor === null) return;
    shown.current.showPopover();
    place(shown.current, anchor.getBoundingClientRect());
  }, [anchor, text]);
  return (
    <span ref={shown} id={id} role="tooltip" popover="manual" className="hint-text">
      {text}
    </span>
  );
};

const GAP = 6;

/** Above where there is room, else below; always within the window. */
const place = (shown: HTMLElement, around: DOMRect): void => {
  const { width, height } = shown.getBoundingClientRect();
  const left = Math.min(Math.max(GAP, around.left), innerWidth - width - GAP);
  const above = around.top - height - GAP;
  shown.style.left = `${left}px`;
  shown.style.top = `${above > 0 ? above : around.bottom + GAP}px`;
};
