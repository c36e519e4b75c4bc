import type { ResponseBody } from "../../client/routes.ts";
import type { AnswerEntry } from "../answer/answer.ts";
import { fenceLine } from "../answer/fence.ts";
import { literal, position, required, text, whole } from "../arguments.ts";
import { lineLabel } from "../facts/line.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { findRunId } from "./find-run.ts";

type Page = Omit<ResponseBody<"get", "/api/runs/:run_id/lines">, "lines"> & { readonly lines: readonly Line[] };
type Line = ResponseBody<"get", "/api/runs/:run_id/lines">["lines"][number];

const DEFAULT_LINES = 100;
const MAX_LINES = 500;
/** Matches whose numbers are listed. */
const MAX_MATCHES = 50;
/** Maximum of characters of the last lines. */
const MAX_TAIL = 18_000;
/** Maximum of characters of the lines before a match, so that the match fits in the answer. */
const MAX_BEFORE = 9_000;

export const readLog = defineTool({
  name: "read_log",
  description: "Read a run's output: its last lines, lines from a number on, or around the first match of a text.",
  args: {
    run: required(text()),
    task: text(),
    attempt: whole({ max: 1_000_000 }),
    from_line: whole({ max: 999_999_999_999_999 }, "A line's number"),
    match: literal("Literal text; case is ignored"),
    lines: whole({ max: MAX_LINES, initial: DEFAULT_LINES }),
    cursor: position(),
  },
  effect: "reads",
  run: async ({ run, task, attempt, from_line: line, match, lines: limit = DEFAULT_LINES, cursor }, context) => {
    const from = cursor === undefined ? line : Math.max(1, cursor);
    const filter = { task, attempt };
    const window = { params: { run_id: await findRunId(context.client, run) }, filter, limit };
    if (match !== undefined) return aroundMatch(match, from ?? 1, window, context);
    if (from !== undefined) return pageFrom(from, window, context);
    return lastLines(window, context);
  },
});

type Window = {
  readonly params: { readonly run_id: string };
  readonly filter: { readonly task: string | undefined; readonly attempt: number | undefined };
  readonly limit: number;
};

const pageFrom = async (from: number, { params, filter, limit }: Window, context: ToolContext) => {
  const { client, signal } = context;
  const query = { ...filter, after: from - 1, limit };
  return pageBody(await client.get("/api/runs/:run_id/lines", { params, query, signal }), params, context);
};

const pageBody = (page: Page, params: Window["params"], context: ToolContext) => {
  const last = page.lines.at(-1);
  const hasMore = last !== undefined && page.offset + page.lines.length < page.total;
  return {
    fields: { run: params.run_id, ...span(page, context) },
    list: { entries: page.lines.map(lineEntry), lines: OUTPUT, cursor: hasMore ? String(last.seq + 1) : null },
  };
};

const lastLines = async (window: Window, context: ToolContext) => {
  const { params, filter, limit } = window;
  const { client, signal } = context;
  const page = await client.get("/api/runs/:run_id/lines", {
    params,
    query: { ...filter, tail: true, limit: 1 },
    signal,
  });
  const lines = await linesBefore(page.total, { window, limit, room: MAX_TAIL }, context);
  return {
    fields: { run: params.run_id, ...span({ ...page, lines }, context), earlier_lines: page.total - lines.length },
    list: { entries: lines.map(lineEntry), lines: OUTPUT, cursor: null },
  };
};

type Wanted = { readonly window: Window; readonly limit: number; readonly room: number };

/**
 * Returns the last lines before a position, at most `limit`, whose entries have at most `room` characters. A page of the API ends early after
 * about a million characters, and would lack its last lines: then smaller pages are read.
 */
const linesBefore = async (end: number, { window, limit, room }: Wanted, { client, signal }: ToolContext) => {
  const { params, filter } = window;
  let lines: readonly Line[] = [];
  let start = end;
  let size = limit;
  while (start > 0 && lines.length < limit) {
    const offset = Math.max(0, start - Math.min(size, limit - lines.length));
    const query = { ...filter, offset, limit: start - offset };
    const page = await client.get("/api/runs/:run_id/lines", { params, query, signal });
    if (page.lines.length < start - offset && size > 1) {
      size = Math.ceil(size / 2);
      continue;
    }
    const all = [...page.lines, ...lines];
    const fitting = lastThatFit(all, room);
    if (fitting.length < all.length) return fitting;
    lines = all;
    start = offset;
  }
  return lines;
};

const lastThatFit = (lines: readonly Line[], max: number): readonly Line[] => {
  let room = max;
  const tooLong = lines.findLastIndex((line) => {
    room -= String(lineEntry(line).data).length + 1;
    return room < 0;
  });
  return lines.slice(tooLong + 1);
};

const aroundMatch = async (text: string, from: number, { params, filter, limit }: Window, context: ToolContext) => {
  const { client, signal } = context;
  const found = await client.get("/api/runs/:run_id/lines/search", {
    params,
    query: { ...filter, q: text, after: from - 1, limit: MAX_MATCHES },
    signal,
  });
  const [first] = found.matches;
  const incomplete = found.complete || first !== undefined ? {} : { cursor: String(found.searched_to + 1) };
  if (first === undefined)
    return { fields: { run: params.run_id, matches: 0, total_lines: found.total, ...incomplete } };
  const query = { ...filter, after: first.seq - 1, limit };
  const page = await client.get("/api/runs/:run_id/lines", { params, query, signal });
  // The match is in the middle, unless the output ends before that.
  const most = Math.max(Math.floor((limit - 1) / 2), limit - page.lines.length);
  const wanted = { window: { params, filter, limit }, limit: most, room: MAX_BEFORE };
  const before = await linesBefore(page.offset, wanted, context);
  const lines = [...before, ...page.lines].slice(0, limit);
  const offset = page.offset - before.length;
  const { fields, list } = pageBody({ ...page, lines, offset }, params, context);
  const numbers = found.matches.map(({ seq }) => seq);
  const more = found.matches.length === MAX_MATCHES ? { more_matches: true } : {};
  return { fields: { ...fields, matching_lines: numbers, ...more }, list };
};

const span = (
  { lines, total, ended }: { readonly lines: readonly Line[]; readonly total: number; readonly ended: boolean },
  { iso }: ToolContext,
) => ({
  total_lines: total,
  first_line_at: iso(lines[0]?.at),
  last_line_at: iso(lines.at(-1)?.at),
  ...(!ended && { run_has_ended: false }),
});

const OUTPUT = "Output: line number, task/attempt, stream";

const lineEntry = (line: Line): AnswerEntry => ({
  data: fenceLine(lineLabel(line), line.text),
  cursor: String(line.seq + 1),
});
