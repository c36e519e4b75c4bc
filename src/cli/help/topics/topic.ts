import type { Context } from "../../command.ts";

/** A subject that `petit help NAME` explains. */
export type Topic = {
  readonly name: string;
  /** One line for the list of topics. */
  readonly summary: string;
  readonly sections: (context: Context) => readonly TopicSection[] | Promise<readonly TopicSection[]>;
};

/** A section of a topic: an optional title, then sentences, then a table of two columns, then lines shown verbatim. */
export type TopicSection = {
  readonly title?: string;
  readonly text?: string;
  readonly rows?: readonly TopicRow[];
  readonly lines?: readonly string[];
};

export type TopicRow = readonly [string, string];
