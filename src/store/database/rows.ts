import { type Json, parseExactly } from "../../lib/json.ts";
import type { SqlRow } from "../../runtime/runtime.ts";

/** Throws: the functions below read a column, and require the type that the schema declares. */
const failColumn = (row: SqlRow, column: string, expected: string): never => {
  throw new Error(`column '${column}' holds ${JSON.stringify(row[column] ?? null)}, expected ${expected}`);
};

export const text = (row: SqlRow, column: string): string => {
  const value = row[column];
  return typeof value === "string" ? value : failColumn(row, column, "a text");
};

export const textOrNull = (row: SqlRow, column: string): string | null =>
  row[column] === null ? null : text(row, column);

export const integer = (row: SqlRow, column: string): number => {
  const value = row[column];
  return typeof value === "number" ? value : failColumn(row, column, "an integer");
};

export const integerOrNull = (row: SqlRow, column: string): number | null =>
  row[column] === null ? null : integer(row, column);

export const flag = (row: SqlRow, column: string): boolean => integer(row, column) === 1;

export const bytes = (row: SqlRow, column: string): Uint8Array => {
  const value = row[column];
  return value instanceof Uint8Array ? value : failColumn(row, column, "bytes");
};

/** Reads one of a fixed set of words, such as a status. */
export const word = <const Words extends readonly string[]>(
  row: SqlRow,
  column: string,
  words: Words,
): Words[number] => {
  const value = row[column];
  return words.includes(value as Words[number]) ? (value as Words[number]) : failColumn(row, column, words.join(" | "));
};

export const wordOrNull = <const Words extends readonly string[]>(
  row: SqlRow,
  column: string,
  words: Words,
): Words[number] | null => (row[column] === null ? null : word(row, column, words));

/** Reads a JSON column. Does not check its shape: only petit writes it. */
export const json = <T>(row: SqlRow, column: string): T => JSON.parse(text(row, column)) as T;

/** Reads a JSON column without rounding numbers. */
export const exactJson = (row: SqlRow, column: string): Json => parseExactly(text(row, column));

/** Reads an id column. Ids are validated before they are stored. */
export const id = <Id extends string>(row: SqlRow, column: string): Id => text(row, column) as Id;

export const idOrNull = <Id extends string>(row: SqlRow, column: string): Id | null =>
  row[column] === null ? null : id<Id>(row, column);
