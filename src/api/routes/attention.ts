import { Elysia, t } from "elysia";
import type { ApiContext } from "../context.ts";
import { AttentionListBody, attentionList } from "../shapes/attention/attention.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, wholeNumber } from "../shapes/schemas.ts";

export const attentionRoutes = ({ engine }: ApiContext) =>
  new Elysia().get(
    "/api/attention",
    async ({ query }) => attentionList(await engine.listAttention(Number(query.limit ?? 100))),
    {
      query: exactly({
        limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of items")),
      }),
      response: { 200: AttentionListBody, ...failures("INVALID_REQUEST") },
      detail: {
        operationId: "listAttention",
        tags: ["runs"],
        summary: "List what needs attention: failing jobs, stuck runs, unreachable workers, broken files",
        description:
          "The answer can change with the events `run.started`, `run.finished`, `jobs.reloaded` and `worker`. Ask again every minute " +
          "as well, because runs become stuck or late, and deliveries of notifications fail, without an event.",
      },
    },
  );
