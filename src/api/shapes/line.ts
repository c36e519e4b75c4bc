import { t } from "elysia";
import { INDEX_FAULTS } from "../../domain/search/index-fault.ts";
import { runPath } from "../../domain/words/run-path.ts";
import type { LinePosition, LineWithContext } from "../../search/finding.ts";
import type { RunSearchAnswer } from "../../search/run-search.ts";
import { LogRecord } from "./log.ts";
import { RunStatusWord } from "./run.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, nullable, RunIdText, word } from "./schemas.ts";

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

const ContextLine = exactly(
  { seq: LogRecord.properties.seq, text: t.String({ description: "The line, cut after 500 characters" }) },
  {
    title: "ContextLine",
    description: "A line before or after one that was found, of the same stream of the same attempt",
  },
);

const FoundLineBody = exactly(
  {
    run_id: RunIdText,
    run_status: RunStatusWord,
    run_created_at: instant("When the run was created"),
    job_id: JobIdText,
    task_id: LogRecord.properties.task_id,
    item: LogRecord.properties.item,
    item_key: LogRecord.properties.item_key,
    attempt: LogRecord.properties.attempt,
    stream: LogRecord.properties.stream,
    seq: LogRecord.properties.seq,
    at: LogRecord.properties.at,
    text: t.String({
      description: "The line without escape sequences; of a long one, up to 500 characters around the match",
    }),
    start: integer({ minimum: 0, description: "Where the first match begins in `text`, in UTF-16 code units" }),
    end: integer({ minimum: 0, description: "Where it ends, exclusive" }),
    before: t.Array(ContextLine, { description: "Lines before it, the oldest first" }),
    after: t.Array(ContextLine, { description: "Lines after it" }),
    path: t.String({ description: "Where the dashboard shows the line" }),
    position: t.String({ description: "Pass it as `before` to continue after this line, instead of after the page" }),
  },
  { title: "FoundLine", description: "A line that was found" },
);

export const FoundLines = exactly(
  {
    lines: t.Array(FoundLineBody, { description: "The newest run first, and its last line first" }),
    count: Count,
    next: nullable(t.String(), "The `before` of the next page; null if nothing is left to search"),
    complete: t.Boolean({
      description:
        "True if nothing is left to search: there is no next page, and no older run of the jobs that were searched",
    }),
    index: exactly(
      {
        reaches_to: instantOrNull("When the oldest run that it has was created, of the jobs that were searched"),
        building: t.Boolean({
          description: "True if petit is still adding older runs to it. A search reads these, which takes longer",
        }),
        fault: nullable(
          word(INDEX_FAULTS),
          "Why petit can't write it, so that it is not `building`; null if it can. A search reads the runs that it lacks",
        ),
        full: t.Boolean({ description: "True if older runs do not fit into it. They are not searched" }),
        size_bytes: nullable(
          integer({ minimum: 0 }),
          "Size of the index; null for people who are limited to some jobs",
        ),
      },
      { title: "SearchIndex", description: "The index, with which lines are found" },
    ),
  },
  {
    title: "FoundLines",
    description: "Lines of the output of ended runs that contain a text",
    examples: [
      {
        lines: [
          {
            run_id: "019b7781-7a2c-7000-8000-9a7e4f60a1b2",
            run_status: "failed",
            run_created_at: 1767225600000,
            job_id: "data_pipeline",
            task_id: "extract",
            attempt: 1,
            stream: "stderr",
            seq: 12,
            at: 1767225600012,
            text: "connect to db-3: connection refused",
            start: 17,
            end: 35,
            before: [{ seq: 11, text: "connecting to db-3" }],
            after: [],
            path: "/runs/019b7781-7a2c-7000-8000-9a7e4f60a1b2?task=extract#L12",
            position: "019b7781-7a2c-7000-8000-9a7e4f60a1b2:12:3f9a06c21d",
          },
        ],
        count: 1,
        next: null,
        complete: true,
        index: { reaches_to: 1764633600000, building: false, fault: null, full: false, size_bytes: 1_204_224 },
      },
    ],
  },
);

export const foundLinesBody = ({ lines, next, reach, fault }: RunSearchAnswer): typeof FoundLines.static => {
  const { hasIndex, hasOlder, isFull, since, sizeBytes } = reach;
  return {
    lines: lines.map(foundLineBody),
    count: lines.length,
    next: next === null ? null : positionText(next),
    complete: next === null && !(hasOlder && isFull),
    index: {
      reaches_to: since,
      building: fault === null && (!hasIndex || (hasOlder && !isFull)),
      fault,
      full: hasOlder && isFull,
      size_bytes: sizeBytes,
    },
  };
};

const positionText = ({ runId, seq, place }: LinePosition): string => `${runId}:${seq}:${place.toString(16)}`;

const foundLineBody = (line: LineWithContext): typeof FoundLineBody.static => {
  const { run, taskId, item, itemKey, attempt, stream, seq, at, text, start, end, before, after, position } = line;
  return {
    run_id: run.id,
    run_status: run.status,
    run_created_at: run.createdAt,
    job_id: run.jobId,
    task_id: taskId,
    ...(item !== null && { item }),
    ...(itemKey !== null && { item_key: itemKey }),
    attempt,
    stream,
    seq,
    at,
    text,
    start,
    end,
    before: before.map((each) => ({ ...each })),
    after: after.map((each) => ({ ...each })),
    path: runPath(run.id, { taskId, item, seq }),
    position: positionText(position),
  };
};
