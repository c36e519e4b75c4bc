import { Elysia, status, t } from "elysia";
import type { ApiContext } from "../context.ts";
import { FAILURES } from "../shapes/failure.ts";
import { HealthReasonBody, HealthWord, healthReasonBody } from "../shapes/health.ts";
import { exactly } from "../shapes/schemas.ts";

const HealthBody = exactly(
  {
    status: HealthWord,
    version: t.String({ description: "Version of petit" }),
    reasons: t.Optional(t.Array(HealthReasonBody, { description: "Why petit is not healthy; left out if it is `ok`" })),
  },
  { title: "Health", description: "Whether petit is healthy", examples: [{ status: "ok", version: "0.1.0" }] },
);

/** Path of the health check, the only route that needs no token. */
export const HEALTH_PATH = "/api/health";

export const healthRoutes = ({ engine, version }: ApiContext) =>
  new Elysia().get(
    HEALTH_PATH,
    () => {
      const health = engine.health();
      const reasons = health.status === "ok" ? {} : { reasons: health.reasons.map(healthReasonBody) };
      const body = { status: health.status, version, ...reasons };
      return health.status === "unavailable" ? status(503, body) : body;
    },
    {
      response: { 200: HealthBody, 403: FAILURES.FORBIDDEN, 500: FAILURES.INTERNAL_ERROR, 503: HealthBody },
      detail: {
        operationId: "getHealth",
        tags: ["scheduler"],
        summary: "Get the health of petit",
        description: "Needs no token. `degraded` is answered with 200, `unavailable` with 503.",
        security: [],
      },
    },
  );
