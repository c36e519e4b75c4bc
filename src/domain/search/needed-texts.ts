import { foldText, MIN_CHARACTERS } from "./fold.ts";

/** Texts that must all be in a line. Of each inner list, one of the texts must be. */
export type NeededTexts = readonly (readonly string[])[];

/**
 * Returns the folded texts of 3 or more characters without which no line matches a regular expression in RE2 syntax; none if there are
 * none, or if they can't be told from its syntax. The expression must be valid.
 */
export const neededTexts = (expression: string): NeededTexts => {
  const parser = new Parser(expression);
  return parser.alternatives();
};

/** What a part of an expression needs. A literal can be joined with its neighbours. */
type Part =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "needs"; readonly needed: NeededTexts };

const NOTHING: Part = { kind: "needs", needed: [] };

/** Reads the syntax only as far as this needs. Whatever it does not know counts as a part that needs nothing. */
class Parser {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(expression: string) {
    this.#characters = [...expression];
  }

  /** Reads alternatives up to the end of their group. */
  alternatives(): NeededTexts {
    const all = [this.#sequence()];
    while (this.#take("|")) all.push(this.#sequence());
    const [first = [], ...others] = all;
    if (others.length === 0) return first;
    // Each alternative needs at least one text; then a line has one of these.
    const best = all.map(longestOf);
    return best.every((each) => each !== null) ? [best.flat()] : [];
  }

  #sequence(): NeededTexts {
    const needed: (readonly string[])[] = [];
    let literal = "";
    const endLiteral = (): void => {
      const folded = foldText(literal);
      if ([...folded].length >= MIN_CHARACTERS) needed.push([folded]);
      literal = "";
    };
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      const part = this.#part();
      const times = this.#quantifier();
      if (part.kind === "literal" && times !== "optional") {
        literal += part.text;
        if (times === "repeated") endLiteral();
        // What follows `ab+` is also next to the last `b`.
        if (times === "repeated") literal = part.text.length === 1 ? part.text : "";
        continue;
      }
      endLiteral();
      if (part.kind === "needs" && times !== "optional") needed.push(...part.needed);
    }
    endLiteral();
    return needed;
  }

  #part(): Part {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        this.#skipClass();
        return NOTHING;
      case "\\":
        return this.#escape();
      case ".":
      case "^":
      case "$":
        return NOTHING;
      default:
        return { kind: "literal", text: character };
    }
  }

  #group(): Part {
    if (this.#take("?")) {
      // Flags, or the name of the group.
      while (!/[:)>]/.test(this.#peek() ?? ")")) this.#next();
      if (this.#next() === ")") return NOTHING;
    }
    const needed = this.alternatives();
    this.#take(")");
    return { kind: "needs", needed };
  }

  #skipClass(): void {
    this.#take("^");
    // A bracket that comes first stands for itself.
    this.#take("]");
    for (let next = this.#next(); next !== "]" && next !== ""; next = this.#next()) {
      if (next === "\\") this.#next();
      if (next === "[" && this.#take(":")) while (!["]", ""].includes(this.#next()));
    }
  }

  #escape(): Part {
    const character = this.#next();
    if (character === "Q") {
      let text = "";
      for (let next = this.#next(); next !== ""; next = this.#next()) {
        if (next === "\\" && this.#take("E")) break;
        text += next;
      }
      // A quantifier would be about its last character.
      const last = [...text].at(-1) ?? "";
      const folded = foldText(text.slice(0, text.length - last.length));
      return { kind: "needs", needed: [...folded].length >= MIN_CHARACTERS ? [[folded]] : [] };
    }
    if (/[pPx]/.test(character)) {
      if (this.#take("{")) while (!["}", ""].includes(this.#next()));
      else this.#at += character === "x" ? 2 : 1;
      return NOTHING;
    }
    if (/[0-7]/.test(character)) while (/[0-7]/.test(this.#peek() ?? "")) this.#next();
    return /[A-Za-z0-9]/.test(character) ? NOTHING : { kind: "literal", text: character };
  }

  #quantifier(): "once" | "repeated" | "optional" {
    const next = this.#peek() ?? "";
    const range = /^\{(\d+)(?:,\d*)?\}/.exec(this.#characters.slice(this.#at, this.#at + MAX_RANGE).join(""));
    if (!["*", "+", "?"].includes(next) && range === null) return "once";
    this.#at += range?.[0].length ?? 1;
    this.#take("?");
    const isOptional = range === null ? next !== "+" : Number(range[1]) === 0;
    return isOptional ? "optional" : "repeated";
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  /** Returns an empty text at the end. */
  #next(): string {
    return this.#characters[this.#at++] ?? "";
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}

/** Characters of `{1000,1000}`. */
const MAX_RANGE = 11;

/** Returns the texts of which the shortest is longest, because it is found least often. Null if there are none. */
const longestOf = (needed: NeededTexts): readonly string[] | null => {
  let [longest, length]: [readonly string[] | null, number] = [null, 0];
  for (const texts of needed) {
    const shortest = Math.min(...texts.map((text) => text.length));
    if (shortest > length) [longest, length] = [texts, shortest];
  }
  return longest;
};
