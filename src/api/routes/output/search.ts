import { Elysia, t } from "elysia";
import type { JobId } from "../../../domain/ids.ts";
import { refuse } from "../../../domain/refusal.ts";
import { isFinal, RUN_STATUSES } from "../../../domain/run.ts";
import { isSearchable, MIN_CHARACTERS } from "../../../domain/search/fold.ts";
import { searchPatternOf } from "../../../domain/search/search-pattern.ts";
import { STREAMS } from "../../../domain/task-run.ts";
import type { LinePosition } from "../../../search/finding.ts";
import type { RunSearchAnswer, RunSearchQuery } from "../../../search/run-search.ts";
import type { ApiContext } from "../../context.ts";
import { invalidQuery } from "../../errors.ts";
import type { OutputSearch } from "../../options.ts";
import { failures } from "../../shapes/failure.ts";
import { FoundLines, foundLinesBody } from "../../shapes/line.ts";
import { exactly, flag, isOn, SEARCHED_TEXT, wholeNumber, word } from "../../shapes/schemas.ts";
import { jobsThatHaveTags, TagQuery } from "../../tags.ts";

const NEXT = "the 'next' of an answer";
const ENDED = RUN_STATUSES.filter(isFinal);

const SearchQuery = exactly({
  q: t.String({
    pattern: SEARCHED_TEXT,
    description:
      "Text to search for, of 3 characters or more, literally; upper and lower case are equal, and escape sequences in lines are ignored",
    examples: ["connection refused"],
    "x-expected": "3 to 200 characters on one line",
  }),
  regex: t.Optional(
    flag(
      "True if `q` is a regular expression in RE2's syntax. Every match must contain some text of 3 or more characters that stands in the expression",
    ),
  ),
  job: t.Optional(t.String({ description: "Only lines of runs of this job" })),
  tag: TagQuery,
  since: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      "Only lines that petit read at this time or later, in ms since the Unix epoch",
    ),
  ),
  stream: t.Optional(word(STREAMS, "Only lines of this stream")),
  status: t.Optional(word(ENDED, "Only lines of runs that ended like this")),
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 500, default: 50 }, "Maximum of lines")),
  context: t.Optional(wholeNumber({ minimum: 0, maximum: 5, default: 1 }, "How many lines before and after each line")),
  before: t.Optional(
    t.String({
      pattern: "^[0-9a-fA-F-]{36}:\\d{1,15}:[0-9a-f]{1,12}$",
      description: "`next` of the page before this one, or `position` of a line, to continue with the lines after it",
      "x-expected": NEXT,
    }),
  ),
});

export const searchRoutes = ({ engine, search }: ApiContext) =>
  new Elysia().get(
    "/api/search",
    async ({ query, request }) => {
      // What is malformed would be searched for as it is, or with other characters in its place.
      if (!isWellEncoded(new URL(request.url).search))
        throw invalidQuery("q", "expected UTF-8 with percent encoding, and '%25' for a '%'");
      const isExpression = isOn(query.regex);
      if (!isSearchable(query.q))
        throw invalidQuery(
          "q",
          `expected ${MIN_CHARACTERS} characters or more, because the index has no shorter texts`,
        );
      const pattern = await searchPatternOf({ text: query.q, isExpression });
      if ("problem" in pattern) throw invalidQuery("q", pattern.problem);
      const jobIds = jobsOf(query, engine);
      if (search === null) throw refuse({ reason: "search_off" });
      const before = query.before === undefined ? null : positionOf(query.before);
      const found = await findUnlessStopping(engine, search, {
        wanted: { text: query.q, isExpression },
        jobIds,
        stream: query.stream ?? null,
        status: query.status ?? null,
        since: query.since === undefined ? null : Number(query.since),
        before,
        limit: Number(query.limit ?? 50),
        context: Number(query.context ?? 1),
      });
      if (!found.isKnown) throw invalidQuery("before", `expected ${NEXT}`);
      return foundLinesBody(found);
    },
    {
      query: SearchQuery,
      response: { 200: FoundLines, ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE") },
      detail: {
        operationId: "searchLines",
        tags: ["runs"],
        summary: "Search the output of all runs",
        description:
          "Finds lines of ended runs, the newest run first. A search ends after 10 s; then `next` continues it. `complete` says whether " +
          "anything is left, and `index` how far back petit can search: the index is built in the background, and its size is limited by the " +
          "setting `search_limit`.",
      },
    },
  );

/** Returns the jobs whose runs are searched; null for all. Throws if there is no such job or tag. */
const jobsOf = (
  { job, tag }: { readonly job?: string; readonly tag?: string },
  engine: ApiContext["engine"],
): readonly JobId[] | null => {
  const tagged = jobsThatHaveTags(engine, tag);
  if (job === undefined) return tagged === null ? null : [...tagged];
  const current = engine.currentJobId(job);
  const known = engine.knownJobs.find(({ id }) => id === current);
  if (known === undefined) throw engine.jobNotFound(job);
  return tagged === null || tagged.has(known.id) ? [known.id] : [];
};

const isWellEncoded = (query: string): boolean => {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
};

/** While petit stops, the process that searches is ended. */
const findUnlessStopping = async (
  engine: Pick<ApiContext["engine"], "phase">,
  search: OutputSearch,
  query: RunSearchQuery,
): Promise<RunSearchAnswer> => {
  try {
    return await search.find(query);
  } catch (error) {
    if (engine.phase === "running") throw error;
    throw refuse({ reason: "not_running", state: "stopping" });
  }
};

const positionOf = (text: string) => {
  const [runId = "", seq, place = ""] = text.split(":");
  return { runId, seq: Number(seq), place: Number.parseInt(place, 16) } satisfies LinePosition;
};
