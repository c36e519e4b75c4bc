import {
  type Binary,
  ContextAccess,
  type Expr,
  type FunctionCall,
  type Grouping,
  IndexAccess,
  Literal,
  type Logical,
  type Unary,
} from "@actions/expressions/ast";
import * as data from "@actions/expressions/data/index";
import { Evaluator } from "@actions/expressions/evaluator";
import { Lexer } from "@actions/expressions/lexer";
import { Parser } from "@actions/expressions/parser";
import type { Json } from "../../lib/json.ts";

/** The names that an expression can refer to. */
const CONTEXTS = ["params", "config", "job", "run", "tasks", "item", "item_key", "matrix"] as const;
type Context = (typeof CONTEXTS)[number];

/** The values of the names. A name that has no value is null. */
export type ExpressionScope = { readonly [Name in Context]?: Json };

/** A value that an expression refers to, such as `["tasks", "scan", "outputs", "count"]`, up to the first computed part. */
export type Reference = readonly [context: Context, ...names: string[]];

/** The reason why a text is not an expression, and the part of the text that is wrong. */
export type ExpressionProblem = { readonly problem: string; readonly part: string };

/**
 * An expression in the language of GitHub Actions
 * (https://docs.github.com/actions/reference/workflows-and-actions/expressions).
 */
export class Expression {
  readonly #root: Expr;
  readonly references: readonly Reference[];

  private constructor(root: Expr) {
    this.#root = root;
    this.references = referencesOf(root);
  }

  static parse(text: string): Expression | ExpressionProblem {
    try {
      const { tokens } = new Lexer(text).lex();
      // The type says otherwise, but an empty text has no expression.
      const root: Expr | undefined = new Parser(tokens, [...CONTEXTS], []).parse();
      return root === undefined ? { problem: "is an empty expression", part: text } : new Expression(root);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { message } = error;
      const [, part = text] = /: '(.*)'$/s.exec(message) ?? [];
      return { problem: `is not an expression: ${message.charAt(0).toLowerCase()}${message.slice(1)}`, part };
    }
  }

  /** Returns the value. Throws an Error if a function can't use its arguments, such as `fromJSON` of other text. */
  evaluate(scope: ExpressionScope): Json {
    const values = Object.fromEntries(CONTEXTS.map((name) => [name, scope[name] ?? null]));
    const context: data.Dictionary = JSON.parse(JSON.stringify(values), data.reviver);
    return JSON.parse(JSON.stringify(new Evaluator(this.#root, context).evaluate(), data.replacer));
  }

  /** Returns whether the value counts as true: anything but false, 0, an empty text and null. */
  isTrue(scope: ExpressionScope): boolean {
    return Boolean(this.evaluate(scope));
  }
}

const referencesOf = (root: Expr): readonly Reference[] => {
  const found: Reference[] = [];
  const visitAll = (exprs: readonly Expr[]): void => exprs.forEach(visit);
  const visitor = {
    visitLiteral: () => {},
    visitUnary: ({ expr }: Unary) => visit(expr),
    visitBinary: ({ left, right }: Binary) => visitAll([left, right]),
    visitLogical: ({ args }: Logical) => visitAll(args),
    visitGrouping: ({ group }: Grouping) => visit(group),
    visitFunctionCall: ({ args }: FunctionCall) => visitAll(args),
    visitContextAccess: (access: ContextAccess) => void found.push(pathOf(access)),
    visitIndexAccess: (access: IndexAccess) => {
      const path = pathOf(access);
      if (path !== null) found.push(path);
      for (let each: Expr = access; each instanceof IndexAccess; each = each.expr) visitIndex(each.index);
      if (path === null) visit(baseOf(access));
    },
  };
  const visit = (expr: Expr): void => expr.accept(visitor);
  const visitIndex = (index: Expr): void => {
    // `*` selects every element; it refers to nothing.
    if (!(index instanceof Literal) && "accept" in index && index.constructor.name !== "Star") visit(index);
  };
  visit(root);
  return found;
};

const baseOf = (access: IndexAccess): Expr => (access.expr instanceof IndexAccess ? baseOf(access.expr) : access.expr);

function pathOf(access: ContextAccess): Reference;
function pathOf(access: Expr): Reference | null;
function pathOf(access: Expr): Reference | null {
  if (access instanceof ContextAccess) return [access.name.lexeme.toLowerCase() as Context];
  if (!(access instanceof IndexAccess)) return null;
  const base = pathOf(access.expr);
  if (base === null) return null;
  const depth = depthOf(access);
  // After a computed part, nothing more is known.
  if (base.length < depth || !(access.index instanceof Literal)) return base;
  return [...base, access.index.literal.coerceString()];
}

const depthOf = (access: Expr): number => (access instanceof IndexAccess ? depthOf(access.expr) + 1 : 0);
