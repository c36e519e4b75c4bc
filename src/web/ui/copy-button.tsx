import { useState } from "react";
import { Button } from "./button.tsx";

type CopyButtonProps = {
  readonly text: string;
  /** Names what is copied for screen readers. */
  readonly label: string;
};

/** Copies a text to the clipboard, and says so. */
export const CopyButton = ({ text, label }: CopyButtonProps) => {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await writeClipboard(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <Button aria-label={label} onClick={() => void copy()}>
      <span aria-live="polite">{isCopied ? "Copied" : "Copy"}</span>
    </Button>
  );
};

/** Browsers provide `navigator.clipboard` only over HTTPS and for localhost. */
const writeClipboard = async (text: string): Promise<void> => {
  if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
};
