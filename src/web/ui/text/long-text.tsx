import { type ReactNode, useState } from "react";
import { shortenMiddle } from "../../../lib/text.ts";

/** Longer texts are shown by their start and their end: what matters can be at either. On a phone, these are about six lines. */
const MAX_SHOWN = 240;

type LongTextProps = {
  readonly text: string;
  /** Renders what is shown of it. */
  readonly children?: (shown: string) => ReactNode;
};

/** A text such as an error, whose end is never cut. A button shows all of a long one. */
export const LongText = ({ text, children = (shown) => shown }: LongTextProps) => {
  const [isWhole, setWhole] = useState(false);
  if (text.length <= MAX_SHOWN) return children(text);
  return (
    <>
      {children(isWhole ? text : shortenMiddle(text, MAX_SHOWN))}{" "}
      <button type="button" className="link" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? "Shorten" : "Show all"}
      </button>
    </>
  );
};
