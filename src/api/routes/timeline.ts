import { Elysia, t } from "elysia";
import type { RunId } from "../../domain/ids.ts";
import { MAX_MOMENT_LENGTH, parseSpan } from "../../domain/time-span.ts";
import type { ApiContext } from "../context.ts";
import { invalidQuery } from "../errors.ts";
import { compressedJson } from "../guard/compression.ts";
import { failures } from "../shapes/failure.ts";
import { ReviewBody, reviewBody } from "../shapes/figures/review.ts";
import { exactly, wholeNumber } from "../shapes/schemas.ts";
import { StatsBody, statsBody } from "../shapes/stats.ts";
import { CompactTimelineBody, compactTimelineBody } from "../shapes/timeline/compact.ts";
import { TimelineBody, timelineBody } from "../shapes/timeline/timeline.ts";
import { jobsThatHaveTags, jobsWithTags, TagQuery } from "../tags.ts";
import { EndedBars } from "../timeline/ended-bars.ts";
import { readTimeline, type TimelineQuery } from "../timeline/timeline.ts";
import { currentId } from "./require.ts";

const INSTANT = { minimum: 0, maximum: 8_640_000_000_000_000 } as const;

const TimelineParams = exactly({
  from: t.Optional(
    wholeNumber(INSTANT, "Start of the window, in ms since the Unix epoch; default: 6 hours before its end"),
  ),
  to: t.Optional(wholeNumber(INSTANT, "End of the window, in ms since the Unix epoch; default: an hour from now")),
  bins: t.Optional(
    wholeNumber(
      { minimum: 10, maximum: 2000, default: 600 },
      "Number of parts of the window; the maximum of bars per job",
    ),
  ),
  jobs: t.Optional(t.String({ description: "Ids of jobs, separated by commas; default: all jobs" })),
  tag: TagQuery,
});

const CompactTimelineParams = exactly({
  ...TimelineParams.properties,
  limit: t.Optional(
    wholeNumber({ minimum: 1, maximum: 10_000 }, "Maximum number of jobs: the first ones by name; default: all, by id"),
  ),
});

const StatsQuery = exactly({
  hours: t.Optional(wholeNumber({ minimum: 1, maximum: 720, default: 24 }, "Length of the period up to now, in hours")),
  tag: TagQuery,
});

/** Routes of the dashboard's first view. */
export const timelineRoutes = (context: ApiContext) => {
  const { engine, store, clock } = context;
  const sources = { engine, store, clock, endedBars: new EndedBars({ engine, store, clock }) };
  return new Elysia()
    .get(
      "/api/timeline",
      async ({ query, request }) => {
        const { timeline, now } = askedFor(query, context);
        const { from, to, bins } = timeline;
        const { rows } = await readTimeline({ ...timeline, limit: null }, sources);
        return compressedJson(timelineBody({ from, to, bins, now }, rows), request);
      },
      {
        query: TimelineParams,
        response: { 200: TimelineBody, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "getTimeline",
          tags: ["runs"],
          summary: "Get runs and occurrences of all jobs in a period",
          description:
            "Runs that are close together are merged into one bar, so that the answer stays small: at most `bins` bars per job, and " +
            "fewer if all jobs together would have more than about 10,000. Select jobs with `jobs` for more detail. Compressed if the " +
            "client accepts gzip.",
        },
      },
    )
    .get(
      "/api/timeline/compact",
      async ({ query, request }) => {
        const { timeline, now } = askedFor(query, context);
        const { from, to, bins } = timeline;
        const markBins = Math.max(MIN_MARK_BINS, bins >> 2);
        const limit = query.limit === undefined ? null : Number(query.limit);
        const read = await readTimeline({ ...timeline, limit, markBins, hidesPaused: true }, sources);
        const waitingFor = (runId: RunId) => context.engine.waitingFor(runId);
        return compressedJson(compactTimelineBody({ from, to, bins, now }, read, waitingFor), request);
      },
      {
        query: CompactTimelineParams,
        response: { 200: CompactTimelineBody, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "getCompactTimeline",
          tags: ["runs"],
          summary: "Get runs and occurrences of all jobs in a period, in few bytes",
          description:
            "The same as `/api/timeline`, for the dashboard: numbers are differences, ids are shortened, what repeats is counted, and " +
            "occurrences without a run are merged within four bins. Occurrences that will be skipped, because their job or the scheduler is " +
            "paused, are left out. About a tenth of its size.",
        },
      },
    )
    .get(
      "/api/stats",
      async ({ query, request }) => {
        const jobIds = jobsWithTags(context.engine, query.tag);
        const attention = await context.engine.listAttention(0, jobIds, context.requests.isFromAdmin(request));
        return statsBody({ hours: Number(query.hours ?? 24), jobIds, attention }, context);
      },
      {
        query: StatsQuery,
        response: { 200: StatsBody, ...failures("INVALID_REQUEST") },
        detail: { operationId: "getStats", tags: ["runs"], summary: "Count recent runs and occurrences" },
      },
    );
};

const HOUR_MS = 3_600_000;

const MIN_MARK_BINS = 10;

/** Returns what a request asks for, and the time of the request. */
const askedFor = (query: typeof TimelineParams.static, { engine, clock }: ApiContext) => {
  const now = clock.now();
  const jobs = query.jobs?.split(",").map((jobId) => currentId(engine, jobId)) ?? null;
  return { timeline: timelineQuery({ ...query, jobs }, now, jobsWithTags(engine, query.tag)), now };
};

const timelineQuery = (
  query: Omit<typeof TimelineParams.static, "jobs"> & { readonly jobs: readonly string[] | null },
  now: number,
  tagged: ReadonlySet<string> | null,
): Omit<TimelineQuery, "limit"> => {
  const to = Number(query.to ?? now + HOUR_MS);
  const from = Number(query.from ?? Math.max(0, to - 6 * HOUR_MS));
  if (from >= to) throw invalidQuery("from", `${from} is not before ${to}, the end of the window`);
  const named = query.jobs === null ? null : new Set(query.jobs);
  const jobIds = named === null || tagged === null ? (named ?? tagged) : named.intersection(tagged);
  return { from, to, bins: Number(query.bins ?? 600), jobIds };
};

const FORM =
  "`2h`, `3d` or `2w` before now, `today`, `yesterday`, the name of a weekday, a date, or a time; `friday 18:00` is possible, too. " +
  "Without an offset it is in the `timezone` setting, or the zone of the system";

const ReviewQuery = exactly({
  since: t.Optional(
    t.String({
      maxLength: MAX_MOMENT_LENGTH,
      default: "1d",
      description: `Start of the period: ${FORM}. The name of today's weekday is a week ago`,
      examples: ["friday"],
    }),
  ),
  until: t.Optional(
    t.String({
      maxLength: MAX_MOMENT_LENGTH,
      description: "End of the period, exclusive, in the same form; default: now",
      examples: ["today"],
    }),
  ),
  tag: TagQuery,
  limit: t.Optional(
    wholeNumber(
      { minimum: 1, maximum: 1000 },
      "Maximum of items of each part; default: 50, of `slower` 20, of `waits` 10",
    ),
  ),
  offset: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: 1_000_000, default: 0 },
      "Number of items of each part to leave out at the start. The next page of a part begins after the items so far, with `since` and `until` set to `from` and `to` of the first",
    ),
  ),
});

/** The route of the review. */
export const reviewRoutes = ({ engine, clock, system }: ApiContext) =>
  new Elysia().get(
    "/api/review",
    async ({ query }) => {
      const { since = "1d", until, limit, offset } = query;
      const page = { offset: Number(offset ?? 0), limit: limit === undefined ? null : Number(limit) };
      const span = parseSpan({ since, until }, { now: clock.now(), zone: system.timezone });
      if ("problem" in span) throw invalidQuery(span.field, span.problem);
      return reviewBody(await engine.review({ ...span, jobIds: jobsThatHaveTags(engine, query.tag), page }));
    },
    {
      query: ReviewQuery,
      response: { 200: ReviewBody, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: {
        operationId: "getReview",
        tags: ["runs"],
        summary: "Get what happened in a period",
        description:
          "What failed and whether it recovered, which jobs are stale, what did not run and why, what became slower, which tasks needed retries, who did what, " +
          "what waited longest, and what is due today. Each part has its most important items, and the number of those that are left out after them; `limit` and `offset` list more. 404 if no job has the tags.",
      },
    },
  );
