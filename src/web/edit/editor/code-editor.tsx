import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, Text, Transaction } from "@codemirror/state";
import {
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { type RefObject, useEffect, useImperativeHandle, useRef } from "react";
import type { Schema } from "../schema/offers.ts";
import { changesBetween } from "./changes-between.ts";
import { completeFields, fieldHover } from "./completion.ts";
import { editorTheme } from "./theme.ts";

/** A position in a text. Line and column count from 1, the column in UTF-16 code units. */
export type TextPosition = { readonly line: number; readonly column: number };

export type EditorProblem = TextPosition & { readonly message: string; readonly severity: "error" | "warning" };

/** What the page does with the editor. */
export type EditorHandle = {
  /** Replaces the whole text. The user can undo it. */
  readonly replace: (text: string) => void;
  /** Takes the text of somebody else: the cursor stays in its line, and undo leaves their changes alone. */
  readonly follow: (text: string) => void;
  /** Moves the cursor to a position, and the focus into the editor. */
  readonly goTo: (position: TextPosition) => void;
  readonly position: () => TextPosition;
  readonly focus: () => void;
};

type CodeEditorProps = {
  readonly handle: RefObject<EditorHandle | null>;
  /** The text at first. Later ones are ignored. */
  readonly text: string;
  /** Names the editor for screen readers. */
  readonly label: string;
  readonly problems: readonly EditorProblem[];
  readonly schema: Schema | null;
  readonly onChange: (text: string) => void;
};

/** An editor of YAML with completion and problems. It is in a shadow root: the styles that CodeMirror makes are allowed there by the page's policy. */
export const CodeEditor = ({ handle, text, label, problems, schema, onChange }: CodeEditorProps) => {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const newest = useRef({ schema, onChange });
  newest.current = { schema, onChange };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor owns its text once it is mounted.
  useEffect(() => {
    if (host.current === null) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open", delegatesFocus: true });
    const created = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineEnds.of(lineEndsOf(text)),
          extensionsFor(() => newest.current.schema),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) newest.current.onChange(state.sliceDoc());
          }),
        ],
      }),
    });
    view.current = created;
    return () => created.destroy();
  }, []);
  useEffect(() => {
    const { current } = view;
    if (current !== null) current.dispatch(setDiagnostics(current.state, diagnosticsOf(current.state, problems)));
  }, [problems]);
  useImperativeHandle(handle, () => handleOf(view), []);
  return <div ref={host} className="edit-code" />;
};

const extensionsFor = (schema: () => Schema | null) => [
  lineNumbers(),
  highlightActiveLineGutter(),
  highlightActiveLine(),
  highlightSpecialChars(),
  history(),
  indentUnit.of("  "),
  indentOnInput(),
  bracketMatching(),
  yaml(),
  lintGutter(),
  search(),
  highlightSelectionMatches(),
  autocompletion({
    override: [completeFields(schema)],
    icons: false,
    // The values of a field are offered as soon as the field is chosen.
    activateOnCompletion: ({ type }) => type === "property",
  }),
  fieldHover(schema),
  editorTheme,
  keymap.of([...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, indentWithTab]),
];

/** Keeps the line ends of the file. A text with both kinds shows the rarer one as a special character. */
const lineSeparatorOf = (text: string): string => (/\r\n/.test(text) && !/(?<!\r)\n/.test(text) ? "\r\n" : "\n");

const lineEnds = new Compartment();

const lineEndsOf = (text: string): Extension => EditorState.lineSeparator.of(lineSeparatorOf(text));

const diagnosticsOf = (state: EditorState, problems: readonly EditorProblem[]): readonly Diagnostic[] =>
  problems.map(({ message, severity, ...position }) => {
    const from = offsetOf(state.doc, position);
    const word = state.wordAt(from);
    return { from, to: word?.from === from ? word.to : state.doc.lineAt(from).to, message, severity };
  });

const offsetOf = (doc: Text, { line, column }: TextPosition): number => {
  const { from, to } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(from + Math.max(column - 1, 0), to);
};

const handleOf = (view: { readonly current: EditorView | null }): EditorHandle => ({
  replace: (text) => {
    const { current } = view;
    if (current === null) return;
    current.dispatch({ effects: lineEnds.reconfigure(lineEndsOf(text)) });
    const insert = Text.of(text.split(current.state.lineBreak));
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert }, selection: { anchor: 0 } });
  },
  follow: (text) => {
    const { current } = view;
    if (current === null) return;
    current.dispatch({ effects: lineEnds.reconfigure(lineEndsOf(text)) });
    const { doc, lineBreak } = current.state;
    const changes = changesBetween(doc, Text.of(text.split(lineBreak)));
    current.dispatch({ changes, annotations: Transaction.addToHistory.of(false) });
  },
  goTo: (position) => {
    const { current } = view;
    if (current === null) return;
    const anchor = offsetOf(current.state.doc, position);
    current.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    current.focus();
  },
  position: () => {
    const { current } = view;
    if (current === null) return { line: 1, column: 1 };
    const { head } = current.state.selection.main;
    const line = current.state.doc.lineAt(head);
    return { line: line.number, column: head - line.from + 1 };
  },
  focus: () => view.current?.focus(),
});
