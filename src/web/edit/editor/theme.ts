import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** The colours are variables of the page, so that the editor follows its theme. */
const frame = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "var(--size-1)" },
  // The page draws the outline around the whole editor.
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)", padding: "var(--gap-2) 0" },
  ".cm-gutters": { color: "var(--muted)", backgroundColor: "var(--ground)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--sunken) 60%, transparent)" },
  ".cm-activeLineGutter": { color: "var(--text)", backgroundColor: "var(--sunken)" },
  "&.cm-focused .cm-matchingBracket": { color: "inherit", backgroundColor: "var(--accent-ground)" },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-ground)" },
  ".cm-searchMatch": { backgroundColor: "var(--cancelled-ground)", outline: "1px solid var(--cancelled)" },
  ".cm-lintRange": { backgroundImage: "none", textDecoration: "underline wavy 1px", textUnderlineOffset: "0.25em" },
  ".cm-lintRange-error, .cm-lintPoint-error": { textDecorationColor: "var(--failed)" },
  ".cm-lintRange-warning, .cm-lintPoint-warning": { textDecorationColor: "var(--missed)" },
  ".cm-tooltip": {
    maxWidth: "min(28rem, 90vw)",
    color: "var(--text)",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius)",
    boxShadow: "var(--shadow)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "14rem", maxWidth: "90vw" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px", lineHeight: "1.6" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--text)", backgroundColor: "var(--accent-ground)" },
  ".cm-completionDetail": { marginLeft: "1em", color: "var(--muted)", fontStyle: "normal", fontFamily: "var(--sans)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700", color: "var(--accent)" },
  ".cm-tooltip.cm-completionInfo": { padding: "var(--gap-2)", fontFamily: "var(--sans)", lineHeight: "1.45" },
  ".cm-diagnostic": { padding: "var(--gap-1) var(--gap-2)", fontFamily: "var(--sans)", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--failed)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--missed)" },
  ".cm-field-doc": { padding: "var(--gap-2)", fontFamily: "var(--sans)", lineHeight: "1.45", overflowWrap: "anywhere" },
  ".cm-field-doc strong": { fontFamily: "var(--mono)" },
  ".cm-field-doc span": { color: "var(--muted)" },
  ".cm-panels": { color: "var(--text)", backgroundColor: "var(--sunken)", borderColor: "var(--line)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search input, .cm-panel.cm-search button, .cm-panel.cm-search label": { fontSize: "var(--size-1)" },
  ".cm-panel.cm-search": { padding: "var(--gap-2) var(--gap-5) var(--gap-2) var(--gap-2)" },
  ".cm-textfield": {
    color: "var(--text)",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "3px",
  },
  ".cm-button": { color: "var(--text)", background: "var(--surface)", border: "1px solid var(--line-strong)" },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", fontSize: "1.25rem", padding: "0 var(--gap-2)" },
  // Phones zoom into fields with a font smaller than 16 px.
  "@media (max-width: 640px)": {
    "&, .cm-panel.cm-search input": { fontSize: "16px" },
  },
});

/** The colours of the text are those of a definition on the page of a job. */
const text = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.string, color: "var(--completed)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--missed)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.meta, tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--muted)" },
]);

export const editorTheme = [frame, syntaxHighlighting(text)];
