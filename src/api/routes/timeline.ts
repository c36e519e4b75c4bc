import { Elysia, t } from "elysia";
import type { ApiContext } from "../context.ts";
import { invalidQuery } from "../errors.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, wholeNumber } from "../shapes/schemas.ts";
import { StatsBody, statsBody } from "../shapes/stats.ts";
import { TimelineBody, timelineBody } from "../shapes/timeline.ts";
import { readTimeline, type TimelineQuery } from "../timeline/timeline.ts";

const INSTANT = { minimum: 0, maximum: 8_640_000_000_000_000 } as const;

const Query = exactly({
  from: t.Optional(wholeNumber(INSTANT, "Begin of the window, ms since the epoch; 6 hours before its end")),
  to: t.Optional(wholeNumber(INSTANT, "End of the window, ms since the epoch; an hour from now")),
  bins: t.Optional(
    wholeNumber({ minimum: 10, maximum: 2000, default: 600 }, "Parts of the window, and bars of a job at most"),
  ),
  jobs: t.Optional(
    t.String({ description: "Ids of jobs, with commas between them; all of them where it isn't given" }),
  ),
});

const StatsQuery = exactly({
  hours: t.Optional(wholeNumber({ minimum: 1, maximum: 720, default: 24 }, "How far to look back")),
});

/** What the dashboard opens with. */
export const timelineRoutes = (context: ApiContext) =>
  new Elysia()
    .get(
      "/api/timeline",
      async ({ query }) => {
        const now = context.clock.now();
        const asked = timelineQuery(query, now);
        return timelineBody({ ...asked, now }, await readTimeline(asked, context));
      },
      {
        query: Query,
        response: { 200: TimelineBody, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "getTimeline",
          tags: ["runs"],
          summary: "What all jobs did, didn't and will do in a window of time",
          description:
            "Runs that fall together are told as one bar, so that the answer stays small however many there were: at most " +
            "`bins` bars a job, and fewer where all jobs together would have more than about 10,000; `jobs` asks for some in full.",
        },
      },
    )
    .get("/api/stats", ({ query }) => statsBody(Number(query.hours ?? 24), context), {
      query: StatsQuery,
      response: { 200: StatsBody, ...failures("INVALID_REQUEST") },
      detail: { operationId: "getStats", tags: ["runs"], summary: "How many runs and occurrences there were lately" },
    });

const HOUR_MS = 3_600_000;

const timelineQuery = (query: typeof Query.static, now: number): TimelineQuery => {
  const to = Number(query.to ?? now + HOUR_MS);
  const from = Number(query.from ?? Math.max(0, to - 6 * HOUR_MS));
  if (from >= to)
    throw invalidQuery("from", `query parameter 'from': ${from} is not before ${to}, the end of the window`);
  const jobIds = query.jobs === undefined ? null : new Set(query.jobs.split(","));
  return { from, to, bins: Number(query.bins ?? 600), jobIds };
};
