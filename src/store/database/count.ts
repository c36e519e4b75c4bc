import type { SqlRow } from "../../runtime/runtime.ts";
import { integer } from "./rows.ts";

/** Returns the columns that count the rows of each word of a column: a third of the time of GROUP BY, which sorts. */
export const countColumns = (column: string, words: readonly string[]): string =>
  words.map((each) => `count(*) FILTER (WHERE ${column} = '${each}') AS ${each}`).join(", ");

/** Reads the columns of `countColumns`, without the words that no row has. */
export const readCounts = <Word extends string>(
  row: SqlRow | null,
  words: readonly Word[],
): ReadonlyMap<Word, number> =>
  new Map(
    words.flatMap((each) => {
      const count = row === null ? 0 : integer(row, each);
      return count === 0 ? [] : [[each, count] as const];
    }),
  );
