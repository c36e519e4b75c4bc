import { Elysia, t } from "elysia";
import { isFinal } from "../../../domain/run.ts";
import type { LineFilter } from "../../../store/output.ts";
import type { ApiContext } from "../../context.ts";
import { invalidQuery } from "../../errors.ts";
import { lineFilter, lineFilterFields } from "../../logs/filter.ts";
import { errorFinder, textFinder } from "../../logs/finders.ts";
import { type Outline, readOutline } from "../../logs/outline.ts";
import { readPage } from "../../logs/page.ts";
import { type LineSearchResult, searchLines } from "../../logs/search.ts";
import type { ApiStore } from "../../options.ts";
import { failures } from "../../shapes/failure.ts";
import { LineMatches, LinePage } from "../../shapes/line.ts";
import type { LogLine } from "../../shapes/log.ts";
import { exactly, flag, isOn, RunIdText, SEARCHED_TEXT, wholeNumber } from "../../shapes/schemas.ts";
import { requireRun } from "../require.ts";

const seq = (description: string) => wholeNumber({ minimum: 0, maximum: 999_999_999_999_999 }, description);

const LinesQuery = exactly({
  ...lineFilterFields,
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 2000, default: 500 }, "Maximum of lines")),
  offset: t.Optional(
    seq("Position of the first line, from 0; the default if none of `after`, `before` and `tail` is given"),
  ),
  after: t.Optional(seq("Lines after the one with this `seq`")),
  before: t.Optional(seq("The last `limit` lines before the one with this `seq`")),
  tail: t.Optional(flag("The last `limit` lines")),
});

const matchFields = {
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 10_000, default: 1000 }, "Maximum of lines")),
  after: t.Optional(seq("Only lines after the one with this `seq`")),
};

const LineSearchQuery = exactly({
  ...lineFilterFields,
  q: t.String({
    pattern: SEARCHED_TEXT,
    description: "Text to search for, literally; escape sequences in lines are ignored",
    examples: ["error"],
    "x-expected": "1 to 200 characters on one line",
  }),
  case: t.Optional(flag("True to match upper and lower case exactly")),
  lines: t.Optional(flag("True to get the `lines` with their text, too")),
  ...matchFields,
});

const ErrorLinesQuery = exactly({ ...lineFilterFields, ...matchFields });

/** Parameters of which a request has at most one. */
const POSITIONS = ["offset", "after", "before", "tail"] as const;

export const lineRoutes = ({ store, closing }: ApiContext) =>
  new Elysia({ prefix: "/api/runs/:run_id/lines" })
    .get(
      "",
      async ({ params, query }) => {
        const filter = lineFilter(store, params.run_id, query);
        const limit = Number(query.limit ?? 500);
        // Read the status before the output: all output of a run is stored before its end is.
        const ended = isFinal(requireRun(store, params.run_id).status);
        const outline = await readOutline(store, filter);
        const range = rangeOf(query, limit, outline);
        const endsAt = isOn(query.tail) || query.before !== undefined;
        const { offset, lines } = (endsAt ? readLast : readFirst)(store, { filter, outline, ...range });
        const { total, lastSeq } = outline;
        return { lines: [...lines], count: lines.length, offset, total, last_seq: lastSeq, ended };
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: LinesQuery,
        response: { 200: LinePage, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listRunLines",
          tags: ["runs"],
          summary: "Get a page of the output of a run, line by line",
          description:
            "Starts at a position or after a line, or ends before a line or with the last one. A page with more than about a million " +
            "characters has fewer lines: it ends early, and with `before` and `tail` it begins later. To continue with new lines, stream `/api/runs/{run_id}/logs` with `last_seq` as the `Last-Event-ID`.",
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
            finder: textFinder({ text: query.q, matchCase: isOn(query.case) }),
            withLines: isOn(query.lines),
            limit: Number(query.limit ?? 1000),
            after: Number(query.after ?? 0),
          },
          AbortSignal.any([request.signal, closing]),
        );
        return isOn(query.lines) ? { ...matchesBody(found), lines: [...found.lines] } : matchesBody(found);
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: LineSearchQuery,
        response: { 200: LineMatches, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "searchRunLines",
          tags: ["runs"],
          summary: "Search the output of a run",
          description:
            "Searches at most 256 MiB of output per request; `complete` says whether that was all. With `lines`, it also ends early after " +
            "about a million characters.",
        },
      },
    )
    .get(
      "/errors",
      async ({ params, query, request }) => {
        const filter = lineFilter(store, params.run_id, query);
        const found = await searchLines(
          store,
          {
            filter,
            finder: errorFinder(),
            withLines: false,
            limit: Number(query.limit ?? 1000),
            after: Number(query.after ?? 0),
          },
          AbortSignal.any([request.signal, closing]),
        );
        return matchesBody(found);
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: ErrorLinesQuery,
        response: { 200: LineMatches, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listRunErrorLines",
          tags: ["runs"],
          summary: "Find the lines of the output of a run that look like errors",
          description:
            "Uses the rules that also find the `cause` of a failure. Searches about 4 MiB of output per request; `complete` says whether " +
            "that was all.",
        },
      },
    );

/** Returns the range of the page. Lines that were added after the outline was read belong to later pages. */
const rangeOf = (query: typeof LinesQuery.static, limit: number, { total, offsetOf }: Outline) => {
  const given = POSITIONS.filter((name) => (name === "tail" ? isOn(query.tail) : query[name] !== undefined));
  const [, second] = given;
  if (second !== undefined) throw invalidQuery(second, `${given.join(" and ")} exclude each other; give one of them`);
  const offset = Math.min(startOf(query, limit, { total, offsetOf }), total);
  const end = query.before === undefined ? total : offsetOf(Number(query.before));
  return { offset, limit: Math.min(limit, end - offset) };
};

const startOf = (
  { offset, after, before, tail }: typeof LinesQuery.static,
  limit: number,
  { total, offsetOf }: Pick<Outline, "total" | "offsetOf">,
): number => {
  if (isOn(tail)) return Math.max(0, total - limit);
  if (before !== undefined) return Math.max(0, offsetOf(Number(before)) - limit);
  return after === undefined ? Number(offset ?? 0) : offsetOf(Number(after) + 1);
};

type Range = {
  readonly filter: LineFilter;
  readonly outline: Outline;
  readonly offset: number;
  readonly limit: number;
};

type Lines = { readonly offset: number; readonly lines: readonly LogLine[] };

/** Reads the lines of a range from its begin on. */
const readFirst = (store: ApiStore, { filter, outline, offset, limit }: Range): Lines => {
  const fromSeq = outline.seqAt(offset);
  return { offset, lines: fromSeq === null ? [] : readPage(store, { filter, fromSeq, limit }) };
};

/** Reads the lines of a range up to its end: a smaller part of it if it has too many characters for a page. */
const readLast = (store: ApiStore, range: Range): Lines => {
  const end = range.offset + range.limit;
  for (let limit = range.limit; ; limit = Math.ceil(limit / 2)) {
    const page = readFirst(store, { ...range, offset: end - limit, limit });
    if (page.lines.length === limit || limit <= 1) return page;
  }
};

const matchesBody = ({
  matches,
  isComplete,
  searchedTo,
  total,
  lastSeq,
}: LineSearchResult): typeof LineMatches.static => ({
  matches: [...matches],
  count: matches.length,
  complete: isComplete,
  searched_to: searchedTo,
  total,
  last_seq: lastSeq,
});
