/** HTML that is inserted without escaping. Only `html` creates it from values. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type HtmlValue = string | number | Markup | readonly Markup[];

/** Creates markup. Values other than markup are escaped, for text and for quoted attributes. */
export const html = (parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Markup =>
  new Markup(parts.map((part, index) => (index === 0 ? part : render(values[index - 1] ?? "") + part)).join(""));

export const NOTHING: Markup = new Markup("");

const render = (value: HtmlValue): string => {
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(({ text }) => text).join("");
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
};

/** Converts text to markup; text between backticks becomes code. */
export const prose = (text: string): Markup =>
  html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))}`;
