import {
  type Binary,
  ContextAccess,
  type Expr,
  type FunctionCall,
  type Grouping,
  IndexAccess,
  Literal,
  type Logical,
  Star,
  type Unary,
} from "@actions/expressions/ast";
import { ExpressionError, MAX_EXPRESSION_LENGTH } from "@actions/expressions/errors";
import { Lexer, type Token, TokenType } from "@actions/expressions/lexer";
import { Parser } from "@actions/expressions/parser";
import { isKept, type Json } from "../../lib/json.ts";
import { suggest } from "../../lib/suggest.ts";
import { BoundedEvaluator } from "./evaluator.ts";
import { FUNCTIONS } from "./functions.ts";
import { toDictionary, toJson } from "./values.ts";
import { ExpressionWork } from "./work.ts";

/** The names that an expression can refer to. */
const CONTEXTS = ["params", "config", "job", "run", "tasks", "item", "item_key", "matrix", "event"] as const;
type Context = (typeof CONTEXTS)[number];

/** The values of the names. A name that has no value is null. */
export type ExpressionScope = { readonly [Name in Context]?: Json };

/** A value that an expression refers to. */
export type ExpressionReference = {
  readonly context: Context;
  /** The names after the context, such as `["scan", "outputs", "count"]`, up to the first computed one. */
  readonly names: readonly string[];
  /** The position of the context in the text. */
  readonly at: ExpressionPart;
};

/** A part of an expression: the `nth` occurrence of a text, from 0. */
type ExpressionPart = { readonly text: string; readonly nth: number };

/** The reason why a text is not an expression, and the part of the text that is wrong. */
export type ExpressionProblem = { readonly problem: string; readonly part: ExpressionPart };

/**
 * An expression in the language of GitHub Actions
 * (https://docs.github.com/actions/reference/workflows-and-actions/expressions).
 */
export class Expression {
  readonly #root: Expr;
  readonly references: readonly ExpressionReference[];

  private constructor(root: Expr, references: readonly ExpressionReference[]) {
    this.#root = root;
    this.references = references;
  }

  static parse(text: string): Expression | ExpressionProblem {
    const whole = { text, nth: 0 };
    if (text.length > MAX_EXPRESSION_LENGTH)
      return { problem: `is longer than ${MAX_EXPRESSION_LENGTH} characters`, part: whole };
    let tokens: readonly Token[] = [];
    try {
      tokens = tokensOf(text);
      // The type says otherwise, but an empty text has no expression.
      const root: Expr | undefined = new Parser([...tokens], [...CONTEXTS], []).parse();
      if (root === undefined) return { problem: "is an empty expression", part: whole };
      const partOf = makePartOf(text, tokens);
      const rounded = tokens.find(isRounded);
      if (rounded !== undefined) return { problem: ROUNDED, part: partOf(rounded) };
      const { references, calls } = namesOf(root, partOf);
      const unknown = calls.find(({ lexeme }) => !FUNCTIONS.has(lexeme.toLowerCase()));
      if (unknown === undefined) return new Expression(root, references);
      return { problem: describe(`Unrecognized function: '${unknown.lexeme}'`), part: partOf(unknown) };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return problemOf(error, text, tokens);
    }
  }

  /**
   * Returns the value. Throws an Error if a function can't use its arguments, such as `fromJSON` of other text, or if it is too much
   * work.
   */
  evaluate(scope: ExpressionScope, work = new ExpressionWork()): Json {
    const values = Object.fromEntries(CONTEXTS.map((name) => [name, scope[name] ?? null]));
    return toJson(new BoundedEvaluator(this.#root, toDictionary(values, work), work).evaluate(), work);
  }

  /** Returns whether the value counts as true: anything but false, 0, an empty text and null. */
  isTrue(scope: ExpressionScope, work = new ExpressionWork()): boolean {
    return Boolean(this.evaluate(scope, work));
  }
}

const ROUNDED = "is not an expression: a number that can't be kept exactly; write it as a text, in quotes";

const isRounded = ({ type, lexeme }: Token): boolean =>
  type === TokenType.NUMBER && /^-?[\d.]{16,}$/.test(lexeme) && !isKept(lexeme);

/** Returns the tokens of a text. The lexer replaces only the first `''` in a string. */
const tokensOf = (text: string): readonly Token[] =>
  new Lexer(text)
    .lex()
    .tokens.map((token) =>
      token.type === TokenType.STRING ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
    );

/** Returns the part of the text that a token covers. The line numbers of the lexer are wrong after a string with a line break. */
type PartOf = (token: Token) => ExpressionPart;

const makePartOf = (text: string, tokens: readonly Token[]): PartOf => {
  const offsets = new Map<Token, number>();
  let end = 0;
  for (const token of tokens) {
    const at = text.indexOf(token.lexeme, end);
    offsets.set(token, at);
    end = at + token.lexeme.length;
  }
  return (token) => partAt(text, token.lexeme, offsets.get(token) ?? 0);
};

const partAt = (text: string, part: string, offset: number): ExpressionPart => {
  let nth = 0;
  for (let at = text.indexOf(part); at !== -1 && at < offset; at = text.indexOf(part, at + 1)) nth++;
  return { text: part, nth };
};

const problemOf = (error: Error, text: string, tokens: readonly Token[]): ExpressionProblem => {
  const token = error instanceof ExpressionError ? tokens.find(({ range }) => range.start === error.pos) : undefined;
  if (token !== undefined) return { problem: describe(error.message), part: makePartOf(text, tokens)(token) };
  // The lexer failed, so there are no tokens. Its message ends with the unexpected text.
  const [, message, part, position] =
    /^(.*: '(.*)')\. Located at position (\d+) within expression: $/s.exec(
      error.message.slice(0, error.message.length - text.length),
    ) ?? [];
  if (message === undefined || part === undefined) return { problem: describe(error.message), part: { text, nth: 0 } };
  return { problem: describe(message), part: partAt(text, part, Number(position) - 1) };
};

/** Turns a message of the parser into the rest of a sentence, with a suggestion. */
const describe = (message: string): string => {
  const [, name = ""] = /^Unrecognized (?:function|named-value): '(.*)'$/s.exec(message) ?? [];
  const isFunction = message.startsWith("Unrecognized function");
  const problem = `is not an expression: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  if (name === "") return problem;
  const condition = CONDITIONS.get(name.toLowerCase());
  if (isFunction && condition !== undefined)
    return `${problem}; use the field 'condition' of the task instead, such as \`condition: ${condition}\``;
  const known = isFunction
    ? FUNCTIONS.values()
        .map((each) => each.name)
        .toArray()
    : CONTEXTS;
  const near = suggest(name, known);
  return `${problem}; ${near === null ? `expected one of ${known.join(", ")}` : `did you mean '${near}'?`}`;
};

/** The conditions of tasks that are functions in GitHub Actions. */
const CONDITIONS: ReadonlyMap<string, string> = new Map([
  ["success", "all_success"],
  ["failure", "on_failure"],
  ["always", "all_done"],
  ["cancelled", "all_done"],
]);

type Names = { readonly references: readonly ExpressionReference[]; readonly calls: readonly Token[] };

/** Returns the values and the functions that an expression names. */
const namesOf = (root: Expr, partOf: PartOf): Names => {
  const references: ExpressionReference[] = [];
  const calls: Token[] = [];
  const visitAll = (exprs: readonly Expr[]): void => exprs.forEach(visit);
  const visitor = {
    visitLiteral: () => {},
    visitUnary: ({ expr }: Unary) => visit(expr),
    visitBinary: ({ left, right }: Binary) => visitAll([left, right]),
    visitLogical: ({ args }: Logical) => visitAll(args),
    visitGrouping: ({ group }: Grouping) => visit(group),
    visitFunctionCall: ({ functionName, args }: FunctionCall) => {
      calls.push(functionName);
      visitAll(args);
    },
    visitContextAccess: (access: ContextAccess) => void references.push(referenceTo(access, [], partOf)),
    visitIndexAccess: (access: IndexAccess) => {
      const indexes: Expr[] = [];
      let base: Expr = access;
      for (; base instanceof IndexAccess; base = base.expr) indexes.unshift(base.index);
      if (base instanceof ContextAccess) references.push(referenceTo(base, indexes, partOf));
      else visit(base);
      // `*` selects every element, and is not a reference.
      visitAll(indexes.filter((index) => !(index instanceof Star)));
    },
  };
  const visit = (expr: Expr): void => expr.accept(visitor);
  visit(root);
  return { references, calls };
};

/** Returns the reference to a value in a context. After a computed name, nothing more is known. */
const referenceTo = ({ name }: ContextAccess, indexes: readonly Expr[], partOf: PartOf): ExpressionReference => {
  const computed = indexes.findIndex((index) => !(index instanceof Literal));
  const known = computed === -1 ? indexes : indexes.slice(0, computed);
  const names = known.map((index) => (index instanceof Literal ? index.literal.coerceString() : ""));
  return { context: name.lexeme.toLowerCase() as Context, names, at: partOf(name) };
};
