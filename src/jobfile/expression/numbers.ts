import * as data from "@actions/expressions/data/index";
import { equals } from "@actions/expressions/result";
import { compareDecimals, type Decimal, decimalOf, isKept } from "../../lib/json.ts";

/** A number that no JavaScript number has. It compares and prints as it was written. */
export class ExactNumberData extends data.NumberData {
  readonly source: string;

  constructor(source: string) {
    super(Number(source));
    this.source = source;
  }

  override coerceString(): string {
    return this.source;
  }
}

/**
 * Compares two numbers, or a number and a text that is one, of which a JavaScript number can't hold both. Returns a negative number, 0 or
 * a positive number, as for a sort; null if the language compares them as usual.
 */
export const compareExactly = (left: data.ExpressionData, right: data.ExpressionData): number | null => {
  if (!isNumber(left) && !isNumber(right)) return null;
  if (!isLossy(left) && !isLossy(right)) return null;
  const [a, b] = [exactValue(left), exactValue(right)];
  return a === null || b === null ? null : compareDecimals(a, b);
};

/** Returns whether two values are equal. */
export const isEqual = (left: data.ExpressionData, right: data.ExpressionData): boolean => {
  const order = compareExactly(left, right);
  return order === null ? equals(left, right) : order === 0;
};

const isNumber = (value: data.ExpressionData): boolean => value instanceof data.NumberData;

const isLossy = (value: data.ExpressionData): boolean => {
  if (value instanceof ExactNumberData) return true;
  if (!(value instanceof data.StringData) || value.value.length < 16) return false;
  const text = value.value.trim();
  return decimalOf(text) !== null && !isKept(text);
};

const exactValue = (value: data.ExpressionData): Decimal | null => {
  if (value instanceof ExactNumberData) return decimalOf(value.source);
  if (value instanceof data.NumberData) return decimalOf(String(value.value));
  return value instanceof data.StringData ? decimalOf(value.value.trim()) : null;
};
