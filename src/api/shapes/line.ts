import { t } from "elysia";
import { LogRecord } from "./log.ts";
import { Count, exactly, integer } from "./schemas.ts";

const lineSeq = (description: string) => integer({ minimum: 0, description });

const outlineFields = {
  total: integer({ minimum: 0, description: "How many lines the filter takes, as it stands" }),
  last_seq: lineSeq("`seq` of the newest line that `total` knows of, whatever the filter; 0 where there is none"),
};

export const LinePage = exactly(
  {
    lines: t.Array(LogRecord, { description: "In the order in which they were seen" }),
    count: Count,
    offset: integer({ minimum: 0, description: "Position of the first one among those that the filter takes, from 0" }),
    ...outlineFields,
    ended: t.Boolean({ description: "Whether the run has ended: no more will come" }),
  },
  {
    title: "LinePage",
    description: "Some of the lines of a run",
    examples: [
      {
        lines: [{ seq: 1, task_id: "extract", attempt: 1, stream: "stdout", at: 1767225600012, text: "42 rows" }],
        count: 1,
        offset: 0,
        total: 1,
        last_seq: 1,
        ended: true,
      },
    ],
  },
);

const LineMatch = exactly(
  {
    seq: integer({ minimum: 1, description: "Number of the line in its run" }),
    offset: integer({ minimum: 0, description: "Its position among those that the filter takes, from 0" }),
  },
  { title: "LineMatch", description: "A line that holds the text" },
);

export const LineMatches = exactly(
  {
    matches: t.Array(LineMatch, { description: "In the order of the lines; each line once" }),
    count: Count,
    complete: t.Boolean({ description: "Whether all lines up to `last_seq` were looked at" }),
    searched_to: lineSeq("`seq` of the last line that was looked at: `after` it goes on"),
    ...outlineFields,
  },
  {
    title: "LineMatches",
    description: "The lines of a run that hold a text",
    examples: [{ matches: [{ seq: 1, offset: 0 }], count: 1, complete: true, searched_to: 1, total: 1, last_seq: 1 }],
  },
);
