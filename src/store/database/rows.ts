import type { SqlRow, SqlValue } from "../../runtime/runtime.ts";

/** Readers of a row's columns: each throws where the value is not what the schema promises. */
const wrong = (row: SqlRow, column: string, expected: string): never => {
  throw new Error(`column '${column}' holds ${JSON.stringify(row[column] ?? null)}, expected ${expected}`);
};

export const text = (row: SqlRow, column: string): string => {
  const value = row[column];
  return typeof value === "string" ? value : wrong(row, column, "a text");
};

export const textOrNull = (row: SqlRow, column: string): string | null =>
  row[column] === null ? null : text(row, column);

export const integer = (row: SqlRow, column: string): number => {
  const value = row[column];
  return typeof value === "number" ? value : wrong(row, column, "an integer");
};

export const integerOrNull = (row: SqlRow, column: string): number | null =>
  row[column] === null ? null : integer(row, column);

export const flag = (row: SqlRow, column: string): boolean => integer(row, column) === 1;

export const bytes = (row: SqlRow, column: string): Uint8Array => {
  const value = row[column];
  return value instanceof Uint8Array ? value : wrong(row, column, "bytes");
};

/** One of a fixed set of words, such as a status. */
export const word = <const Words extends readonly string[]>(
  row: SqlRow,
  column: string,
  words: Words,
): Words[number] => {
  const value = row[column];
  return words.includes(value as Words[number]) ? (value as Words[number]) : wrong(row, column, words.join(" | "));
};

export const wordOrNull = <const Words extends readonly string[]>(
  row: SqlRow,
  column: string,
  words: Words,
): Words[number] | null => (row[column] === null ? null : word(row, column, words));

/** A JSON column; its shape is the promise of whoever wrote it, which is this program alone. */
export const json = <T>(row: SqlRow, column: string): T => JSON.parse(text(row, column)) as T;

/** An id column; ids are checked before they are stored. */
export const id = <Id extends string>(row: SqlRow, column: string): Id => text(row, column) as Id;

export const idOrNull = <Id extends string>(row: SqlRow, column: string): Id | null =>
  row[column] === null ? null : id<Id>(row, column);

export const orNull = <T extends SqlValue>(value: T | undefined): T | null => value ?? null;
