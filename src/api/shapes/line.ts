import { t } from "elysia";
import { LogRecord } from "./log.ts";
import { Count, exactly, integer } from "./schemas.ts";

const lineSeq = (description: string) => integer({ minimum: 0, description });

const outlineFields = {
  total: integer({ minimum: 0, description: "Number of lines that match the filter" }),
  last_seq: lineSeq(
    "`seq` of the newest line of the run at that moment, whether it matches or not; 0 if there is none",
  ),
};

export const LinePage = exactly(
  {
    lines: t.Array(LogRecord, { description: "Lines in the order in which petit read them" }),
    count: Count,
    offset: integer({ minimum: 0, description: "Position of the first line among the matching ones, from 0" }),
    ...outlineFields,
    ended: t.Boolean({ description: "True if the run has ended, so that no more lines follow" }),
  },
  {
    title: "LinePage",
    description: "A page of the output of a run",
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
    offset: integer({ minimum: 0, description: "Position among the lines that match the filter, from 0" }),
  },
  { title: "LineMatch", description: "A line that was looked for" },
);

export const LineMatches = exactly(
  {
    matches: t.Array(LineMatch, { description: "Matching lines in order, each once" }),
    lines: t.Optional(t.Array(LogRecord, { description: "The matching lines in order; only if they were asked for" })),
    count: Count,
    complete: t.Boolean({ description: "True if all lines up to `last_seq` were searched" }),
    searched_to: lineSeq("`seq` of the last line that was searched; pass it as `after` to continue"),
    ...outlineFields,
  },
  {
    title: "LineMatches",
    description: "The lines of a run that contain a text, or look like errors",
    examples: [{ matches: [{ seq: 1, offset: 0 }], count: 1, complete: true, searched_to: 1, total: 1, last_seq: 1 }],
  },
);
