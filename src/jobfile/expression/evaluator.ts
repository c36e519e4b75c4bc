import { type Binary, type Expr, type IndexAccess, Star } from "@actions/expressions/ast";
import * as data from "@actions/expressions/data/index";
import { Evaluator } from "@actions/expressions/evaluator";
import { TokenType } from "@actions/expressions/lexer";
import { boundedFunctions } from "./functions.ts";
import { compareExactly } from "./numbers.ts";
import { type ExpressionWork, VALUE_WORK } from "./work.ts";

/** Evaluates an expression within a bound of work, and without rounding numbers that it compares. */
export class BoundedEvaluator extends Evaluator {
  readonly #work: ExpressionWork;

  constructor(root: Expr, context: data.Dictionary, work: ExpressionWork) {
    super(root, context, boundedFunctions(work));
    this.#work = work;
  }

  override visitBinary(binary: Binary): data.ExpressionData {
    const left = this.eval(binary.left);
    const right = this.eval(binary.right);
    for (const each of [left, right]) if (each instanceof data.StringData) this.#work.charge(each.value.length);
    const order = compareExactly(left, right);
    if (order === null) return super.visitBinary(withValues(binary, left, right));
    return new data.BooleanData(isInOrder(binary.operator.type, order));
  }

  override visitIndexAccess(access: IndexAccess): data.ExpressionData {
    const result = super.visitIndexAccess(access);
    // `*` and what follows it make new lists.
    if (result instanceof data.Array && access.index instanceof Star)
      this.#work.charge(result.values().length * VALUE_WORK);
    return result;
  }
}

/** Returns the comparison of two values that are already known. */
const withValues = (binary: Binary, left: data.ExpressionData, right: data.ExpressionData): Binary =>
  Object.assign(Object.create(Object.getPrototypeOf(binary)), binary, { left: known(left), right: known(right) });

const known = (value: data.ExpressionData): Pick<Expr, "accept"> => ({ accept: () => value as never });

const isInOrder = (operator: TokenType, order: number): boolean => {
  switch (operator) {
    case TokenType.EQUAL_EQUAL:
      return order === 0;
    case TokenType.BANG_EQUAL:
      return order !== 0;
    case TokenType.GREATER:
      return order > 0;
    case TokenType.GREATER_EQUAL:
      return order >= 0;
    case TokenType.LESS:
      return order < 0;
    case TokenType.LESS_EQUAL:
      return order <= 0;
    default:
      throw new Error(`unknown operator ${operator}`);
  }
};
