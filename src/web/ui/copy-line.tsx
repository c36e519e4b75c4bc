import { CopyButton } from "./copy-button.tsx";

/** A command line with a button that copies it. */
export const CopyLine = ({ text }: { readonly text: string }) => (
  <div className="copy-line">
    <code>{text}</code>
    <CopyButton text={text} label={`Copy: ${text}`} />
  </div>
);
