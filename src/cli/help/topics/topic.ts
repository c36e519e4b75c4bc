import type { Context } from "../../command.ts";

/** What `petit help NAME` explains, where a command's own help is too narrow for it. */
export type Topic = {
  readonly name: string;
  /** A line for the list of topics. */
  readonly summary: string;
  readonly parts: (context: Context) => readonly Part[] | Promise<readonly Part[]>;
};

/** Under a title or without one: sentences, then two columns, then lines that are shown as they are. */
export type Part = {
  readonly title?: string;
  readonly text?: string;
  readonly rows?: readonly Row[];
  readonly lines?: readonly string[];
};

export type Row = readonly [string, string];
