import type { ResponseBody } from "../../client/routes.ts";
import type { AnswerEntry } from "../answer/answer.ts";
import { fenceLine } from "../answer/fence.ts";
import { required, text, whole } from "../arguments.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { findRunId } from "./find-run.ts";

type Line = ResponseBody<"get", "/api/runs/:run_id/lines">["lines"][number];

const DEFAULT_LINES = 100;
const MAX_LINES = 500;
/** Lines before a match that are shown with it. */
const LINES_BEFORE = 10;
/** Matches whose numbers are listed. */
const MAX_MATCHES = 50;
/** Maximum of characters of the last lines, which are cut at their beginning. */
const MAX_TAIL = 18_000;

export const readLog = defineTool({
  name: "read_log",
  description: "Read a run's output: its last lines, lines from a number on, or around the first match of a text.",
  args: {
    run: required(text()),
    task: text(),
    attempt: whole({ max: 1_000_000 }),
    from_line: whole({ max: 999_999_999_999_999 }, "A line's number, or the cursor"),
    match: text("Literal text; case is ignored", { max: 200 }),
    lines: whole({ max: MAX_LINES, initial: DEFAULT_LINES }),
  },
  effect: "reads",
  run: async ({ run, task, attempt, from_line: from, match, lines: limit = DEFAULT_LINES }, context) => {
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
  const page = await client.get("/api/runs/:run_id/lines", { params, query, signal });
  const last = page.lines.at(-1);
  const hasMore = last !== undefined && page.offset + page.lines.length < page.total;
  return {
    fields: { run: params.run_id, ...span(page, context) },
    list: { entries: page.lines.map(lineEntry), lines: OUTPUT, cursor: hasMore ? String(last.seq + 1) : null },
  };
};

const lastLines = async ({ params, filter, limit }: Window, context: ToolContext) => {
  const { client, signal } = context;
  const page = await client.get("/api/runs/:run_id/lines", { params, query: { ...filter, tail: true, limit }, signal });
  const entries = lastThatFit(page.lines.map(lineEntry));
  const shown = page.lines.slice(page.lines.length - entries.length);
  return {
    fields: {
      run: params.run_id,
      ...span({ ...page, lines: shown }, context),
      earlier_lines: page.total - shown.length,
    },
    list: { entries, lines: OUTPUT, cursor: null },
  };
};

const lastThatFit = (entries: readonly AnswerEntry[]): readonly AnswerEntry[] => {
  let room = MAX_TAIL;
  const tooLong = entries.findLastIndex(({ data }) => {
    room -= String(data).length + 1;
    return room < 0;
  });
  return entries.slice(tooLong + 1);
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
  const before = await client.get("/api/runs/:run_id/lines", {
    params,
    query: { ...filter, before: first.seq, limit: Math.min(LINES_BEFORE, limit) },
    signal,
  });
  const start = before.lines[0]?.seq ?? first.seq;
  const { fields, list } = await pageFrom(start, { params, filter, limit }, context);
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

const lineEntry = ({ seq, task_id, item_key: item, attempt, stream, text }: Line): AnswerEntry => {
  const which = item === undefined ? "" : `[${item.slice(0, 40)}]`;
  return { data: fenceLine(`${seq} ${task_id}${which}/${attempt} ${stream}`, text), cursor: String(seq + 1) };
};
