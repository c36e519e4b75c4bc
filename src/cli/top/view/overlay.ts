import { wrap } from "../../terminal/columns.ts";
import { textWidth } from "../../terminal/text-width.ts";
import { searchBindings } from "../state/input/bindings.ts";
import type { Overlay, TopState } from "../state/state.ts";
import { cell, fitLine, type Line, plain, rule, styled, textOf } from "./line.ts";

/** Returns all lines between header and footer while there is a dialog or the help. */
export const overlayLines = (state: TopState, overlay: Overlay, height: number): readonly Line[] => {
  switch (overlay.kind) {
    case "help":
      return helpLines(overlay, state.columns, height);
    case "confirm":
      return centred(confirmLines(overlay, boxWidth(state)), state, height);
    case "form":
      return centred(formLines(overlay, boxWidth(state), height), state, height);
  }
};

const CURSOR = "▏";
const MAX_BOX = 76;

const boxWidth = ({ columns }: TopState): number => Math.min(MAX_BOX, columns - 4);

const KEYS_WIDTH = 16;

const helpLines = (
  { search, top }: Extract<Overlay, { readonly kind: "help" }>,
  width: number,
  height: number,
): readonly Line[] => {
  const found = searchBindings(search);
  const room = height - 3;
  const first = Math.max(0, Math.min(top, found.length - room));
  const rows = found
    .slice(first, first + room)
    .map(({ shown, text }): Line => [styled("cyan", `  ${cell(shown, KEYS_WIDTH)}`), plain(text)]);
  const more = found.length - first - rows.length;
  return [
    rule([styled("bold", "Keys"), styled("dim", "  Esc closes; ↑ ↓ scroll; type to search")], width),
    [plain(`  search: ${search}${CURSOR}`)],
    ...(found.length === 0 ? [[styled("dim", "  no key does that")] satisfies Line] : rows),
    [styled("dim", more > 0 ? `  … ${more} more` : "")],
  ];
};

const confirmLines = (
  { title, lines, choices }: Extract<Overlay, { readonly kind: "confirm" }>,
  width: number,
): readonly Line[] => [
  [styled("bold", title)],
  ...lines.flatMap((line) => wrap(line, width - 4)).map((line): Line => [plain(line)]),
  [],
  ...choiceLines(choices, width - 4),
];

/** Returns the choices next to each other, or below each other if there is no room. */
const choiceLines = (
  choices: Extract<Overlay, { readonly kind: "confirm" }>["choices"],
  width: number,
): readonly Line[] => {
  const lines: readonly Line[] = [
    ...choices.map(({ key, label }): Line => [styled("cyan", key), plain(` ${label}   `)]),
    [
      styled("cyan", choices.length === 0 ? "Enter/Esc" : "n/Enter/Esc"),
      plain(choices.length === 0 ? " close" : " do nothing"),
    ],
  ];
  const line = lines.flat();
  return textWidth(textOf(line)) <= width ? [line] : lines;
};

const formLines = (
  { purpose, title, lines, fields, field, isTouched, error, isBusy }: Extract<Overlay, { readonly kind: "form" }>,
  width: number,
  height: number,
): readonly Line[] => {
  const about = lines.flatMap((line) => wrap(line, width - 4)).map((line): Line => [plain(line)]);
  const nameWidth = Math.min(24, Math.max(...fields.map(({ name }) => name.length)) + 2);
  const room = Math.max(1, height - 7 - about.length);
  const first = Math.max(0, Math.min(field - room + 1, fields.length - room));
  const rows = fields.slice(first, first + room).map(({ name, text, required }, index): Line => {
    const isActive = first + index === field;
    // The end of a long value stays visible, because the cursor is there.
    const shown = text.slice(-Math.max(1, width - nameWidth - 8));
    return [
      styled(
        isActive ? "cyan" : undefined,
        `${isActive ? "›" : " "} ${cell(`${name}${required ? " *" : ""}`, nameWidth)} `,
      ),
      plain(`${shown}${isActive ? CURSOR : ""}`),
    ];
  });
  return [
    [styled("bold", title)],
    ...about,
    ...rows,
    [styled("dim", fields[field]?.note ?? "")],
    [styled("red", error ?? ""), styled("dim", isBusy ? "waiting for petit …" : "")],
    [
      styled("cyan", isTouched || field < fields.length - 1 ? "Enter" : "Enter Enter"),
      plain(` ${field < fields.length - 1 ? "next" : VERB[purpose.kind]}   `),
      ...(fields.length > 1 ? [styled("cyan", "↑ ↓"), plain(" choose   ")] : []),
      styled("cyan", "Esc"),
      plain(" do nothing"),
    ],
  ];
};

const VERB = { trigger: "run", approve: "approve", reject: "reject" } as const;

/** Puts lines into a box in the middle of the screen. */
const centred = (content: readonly Line[], state: TopState, height: number): readonly Line[] => {
  const width = boxWidth(state);
  const margin = plain(" ".repeat(Math.floor((state.columns - width) / 2)));
  const edge = "─".repeat(width - 2);
  const inner = content
    .slice(0, height - 2)
    .map((line): Line => [margin, styled("dim", "│ "), ...fitLine(line, width - 4), styled("dim", " │")]);
  const above = Math.max(0, Math.floor((height - inner.length - 2) / 3));
  return [
    ...Array.from({ length: above }, (): Line => []),
    [margin, styled("dim", `┌${edge}┐`)],
    ...inner,
    [margin, styled("dim", `└${edge}┘`)],
  ];
};
