import {
  type Completion,
  type CompletionSource,
  insertCompletionText,
  pickedCompletion,
} from "@codemirror/autocomplete";
import { type EditorView, hoverTooltip } from "@codemirror/view";
import { docOf, offersAt, type Schema, type Suggestion } from "../schema/offers.ts";
import { fieldNameAt, type Place, placeAt } from "../schema/place.ts";

/** Returns a source of completions: fields with what they mean, and their values. */
export const completeFields =
  (schema: () => Schema | null): CompletionSource =>
  ({ state, pos, explicit }) => {
    const known = schema();
    const place = known === null ? null : placeAt(state.doc.toString(), pos);
    if (known === null || place === null) return null;
    // An empty list item or value gets offers at once; on a blank line, they would be in the way of the next line.
    const isBlank = place.from === pos && place.kind === "content" && !/-\s*$/.test(state.doc.lineAt(pos).text);
    if (isBlank && !explicit) return null;
    const options = offersAt(known, place).map((offer, index) => completionOf(offer, place, index));
    return options.length === 0 ? null : { from: place.from, options, validFor: /^[\w"@*/.-]*$/ };
  };

const completionOf = (offer: Suggestion, place: Place, index: number): Completion => ({
  label: offer.text,
  detail: offer.isRequired ? `${offer.detail}, required` : offer.detail,
  ...(offer.doc !== "" && { info: offer.doc }),
  type: offer.kind === "field" ? "property" : "constant",
  // Required fields first, and the others in the order of the schema.
  boost: (offer.isRequired ? 50 : 0) - index / 100,
  ...(offer.kind === "field" && {
    apply: (view: EditorView, completion: Completion, from: number, to: number) => {
      const hasColon = /^\s*:/.test(view.state.doc.lineAt(to).text.slice(to - view.state.doc.lineAt(to).from));
      const inserted = hasColon
        ? offer.text
        : offer.text + beginningOf(offer, place).replace("\n", view.state.lineBreak);
      view.dispatch({
        ...insertCompletionText(view.state, inserted, from, to),
        annotations: pickedCompletion.of(completion),
      });
    },
  }),
});

/** Returns what follows the name of a field: its value is in the next line if it is a list or a map. */
const beginningOf = ({ shape }: Suggestion, { isFlow, column }: Place): string => {
  if (isFlow) return shape === "scalar" ? ": " : shape === "list" ? ": [" : ": {";
  if (shape === "scalar") return ": ";
  return `:\n${" ".repeat(column + 2)}${shape === "list" ? "- " : ""}`;
};

/** Shows what a field means while the pointer rests on its name. */
export const fieldHover = (schema: () => Schema | null) =>
  hoverTooltip((view, pos) => {
    const known = schema();
    const name = fieldNameAt(view.state.doc.toString(), pos);
    const found = known === null || name === null ? null : docOf(known, name.path);
    if (name === null || found === null) return null;
    const { doc, detail } = found;
    return {
      pos: name.from,
      end: name.to,
      above: true,
      create: () => ({ dom: docElement(`${name.path.at(-1)}`, detail, doc) }),
    };
  });

const docElement = (name: string, detail: string, doc: string): HTMLElement => {
  const dom = document.createElement("div");
  dom.className = "cm-field-doc";
  const heading = document.createElement("strong");
  heading.textContent = name;
  const kind = document.createElement("span");
  kind.textContent = ` ${detail}`;
  const text = document.createElement("div");
  text.textContent = doc;
  dom.append(heading, kind, text);
  return dom;
};
