import { CopyButton } from "../../ui/copy-button.tsx";
import { type KeptDraft, readDraft } from "./draft.ts";

/** Shows the unsaved text of a file while there is no editor for it, so that it can be copied. */
export const KeptText = ({ path }: { readonly path: string }) => {
  const draft = readDraft(path);
  if (draft === null) return null;
  return (
    <section className="edit-main">
      <p role="alert">
        Your changes of <code>{path}</code> are not saved, and can’t be now. This tab keeps them until you close it;
        they are in the editor again when it is back.
      </p>
      {textsOf(draft).map(([label, text]) => (
        <div key={label} className="edit-main">
          <div className="row">
            <h2>{label}</h2>
            <CopyButton text={text} label={`Copy: ${label}`} />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the text. */}
          <section className="diff edit-preview" tabIndex={0} aria-label={`${label}, of ${path}`}>
            <pre>{text}</pre>
          </section>
        </div>
      ))}
    </section>
  );
};

const textsOf = ({ text, aside }: KeptDraft): readonly (readonly [label: string, text: string])[] => [
  ["Text that is not saved", text],
  ...(aside === null ? [] : [["Your own text, kept beside it", aside] as const]),
];
