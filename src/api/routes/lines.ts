import { Elysia, t } from "elysia";
import { isFinal } from "../../domain/run.ts";
import type { ApiContext } from "../context.ts";
import { invalidQuery } from "../errors.ts";
import { lineFilter, lineFilterFields } from "../logs/filter.ts";
import { type Outline, outlineOf } from "../logs/outline.ts";
import { readPage } from "../logs/page.ts";
import { type Found, searchLines } from "../logs/search.ts";
import { failures } from "../shapes/failure.ts";
import { LineMatches, LinePage } from "../shapes/line.ts";
import { exactly, flag, isOn, RunIdText, wholeNumber } from "../shapes/schemas.ts";
import { foundRun } from "./found.ts";

const seq = (description: string) => wholeNumber({ minimum: 0, maximum: 999_999_999_999_999 }, description);

const PageQuery = exactly({
  ...lineFilterFields,
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 2000, default: 500 }, "How many, at most")),
  offset: t.Optional(seq("Position of the first one, from 0; without any of these four, 0")),
  after: t.Optional(seq("`seq` of a line: those after it")),
  before: t.Optional(seq("`seq` of a line: the last `limit` before it")),
  tail: t.Optional(flag("The last `limit` of all")),
});

const SearchQuery = exactly({
  ...lineFilterFields,
  q: t.String({
    pattern: "^[^\\x00-\\x1f\\x7f]{1,200}$",
    description: "The text to look for, as it stands; what colours a line is no part of it",
    examples: ["error"],
    "x-expected": "1 to 200 characters on one line",
  }),
  case: t.Optional(flag("Whether upper and lower case differ")),
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 10_000, default: 1000 }, "How many lines, at most")),
  after: t.Optional(seq("`seq` of a line: only those after it")),
});

const PLACES = ["offset", "after", "before", "tail"] as const;

export const lineRoutes = ({ store, closing }: ApiContext) =>
  new Elysia({ prefix: "/api/runs/:run_id/lines" })
    .get(
      "",
      async ({ params, query }) => {
        const filter = lineFilter(store, params.run_id, query);
        const limit = Number(query.limit ?? 500);
        // Asked before the output is: what a run wrote is stored before its end is.
        const ended = isFinal(foundRun(store, params.run_id).status);
        const outline = await outlineOf(store, filter);
        const range = rangeOf(query, limit, outline);
        const fromSeq = outline.seqAt(range.offset);
        const lines = fromSeq === null ? [] : readPage(store, { filter, fromSeq, limit: range.limit });
        const { total, lastSeq } = outline;
        return { lines: [...lines], count: lines.length, offset: range.offset, total, last_seq: lastSeq, ended };
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: PageQuery,
        response: { 200: LinePage, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listRunLines",
          tags: ["runs"],
          summary: "Some of the output of a run, line by line",
          description:
            "From a position, after or before a line, or the end. A page ends early after about a million characters. What comes after " +
            "`last_seq` is told by `/api/runs/{run_id}/logs` as server-sent events, with it as the `Last-Event-ID`.",
        },
      },
    )
    .get(
      "/search",
      async ({ params, query, request }) => {
        const filter = lineFilter(store, params.run_id, query);
        const found = await searchLines(
          store,
          {
            filter,
            text: query.q,
            matchCase: isOn(query.case),
            limit: Number(query.limit ?? 1000),
            after: Number(query.after ?? 0),
          },
          AbortSignal.any([request.signal, closing]),
        );
        return matchesBody(found);
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: SearchQuery,
        response: { 200: LineMatches, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "searchRunLines",
          tags: ["runs"],
          summary: "The lines of a run's output that hold a text",
          description: "Looks at all that is stored, at most 256 MiB a request; `complete` says whether that was all.",
        },
      },
    );

/** What the page begins with; lines that came since the outline was made are for the next one. */
const rangeOf = (query: typeof PageQuery.static, limit: number, { total, offsetOf }: Outline) => {
  const given = PLACES.filter((place) => (place === "tail" ? isOn(query.tail) : query[place] !== undefined));
  const [, second] = given;
  if (second !== undefined)
    throw invalidQuery(second, `query parameters ${given.join(" and ")} exclude each other; give one of them`);
  const offset = Math.min(startOf(query, limit, { total, offsetOf }), total);
  const end = query.before === undefined ? total : offsetOf(Number(query.before));
  return { offset, limit: Math.min(limit, end - offset) };
};

const startOf = (
  { offset, after, before, tail }: typeof PageQuery.static,
  limit: number,
  { total, offsetOf }: Pick<Outline, "total" | "offsetOf">,
): number => {
  if (isOn(tail)) return Math.max(0, total - limit);
  if (before !== undefined) return Math.max(0, offsetOf(Number(before)) - limit);
  return after === undefined ? Number(offset ?? 0) : offsetOf(Number(after) + 1);
};

const matchesBody = ({ matches, isComplete, searchedTo, total, lastSeq }: Found): typeof LineMatches.static => ({
  matches: [...matches],
  count: matches.length,
  complete: isComplete,
  searched_to: searchedTo,
  total,
  last_seq: lastSeq,
});
