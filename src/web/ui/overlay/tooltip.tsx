import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";

type TooltipProps = {
  /** Text of the tooltip, with line breaks; or a function that returns it when the tooltip is shown. */
  readonly text: string | (() => string);
  readonly children: ReactNode;
  /** False if the content itself is focusable. */
  readonly isFocusable?: boolean;
};

/** Shows a tooltip while its content is hovered or focused. Escape hides it. It is a popover, so nothing clips it. */
export const Tooltip = ({ text, children, isFocusable = true }: TooltipProps) => {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const anchor = useRef<HTMLSpanElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it reacts to the pointer in the same way as to the focus.
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
      {isShown && <TooltipText id={id} text={typeof text === "string" ? text : text()} anchor={anchor.current} />}
    </span>
  );
};

type TooltipTextProps = {
  readonly id?: string;
  readonly text: string;
  /** The element that the tooltip is placed at. */
  readonly anchor: { readonly getBoundingClientRect: () => DOMRect } | null;
};

/** The popover of a tooltip: render it while it is visible. */
export const TooltipText = ({ id, text, anchor }: TooltipTextProps) => {
  const shown = useRef<HTMLSpanElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text has a new size.
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

/** Places the tooltip above the anchor if there is room, else below it, within the window. */
const place = (shown: HTMLElement, anchor: DOMRect): void => {
  const { width, height } = shown.getBoundingClientRect();
  const left = Math.min(Math.max(GAP, anchor.left), innerWidth - width - GAP);
  const above = anchor.top - height - GAP;
  shown.style.left = `${left}px`;
  shown.style.top = `${above > 0 ? above : anchor.bottom + GAP}px`;
};
