import { useState } from "react";
import { Button } from "./button.tsx";

/** A command line with a button that copies it. */
export const CopyLine = ({ text }: { readonly text: string }) => {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await writeClipboard(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <div className="copy-line">
      <code>{text}</code>
      <Button aria-label={`Copy: ${text}`} onClick={() => void copy()}>
        <span aria-live="polite">{isCopied ? "Copied" : "Copy"}</span>
      </Button>
    </div>
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
