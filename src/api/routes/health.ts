import { Elysia, status, t } from "elysia";
import type { BackupState } from "../../domain/backup/state.ts";
import type { ApiContext } from "../context.ts";
import { FAILURES } from "../shapes/failure.ts";
import { HEALTH_CODES, HealthReasonBody, HealthWord, healthReasonBody } from "../shapes/health.ts";
import { exactly, instantOrNull, integer, nullable, word } from "../shapes/schemas.ts";

const HealthBody = exactly(
  {
    status: HealthWord,
    version: t.String({ description: "Version of petit" }),
    reasons: t.Optional(
      t.Array(HealthReasonBody, { description: "Why petit is not healthy; left out if there are none" }),
    ),
    backup: t.Optional(
      exactly(
        {
          last_at: instantOrNull("When the last good backup was made; null if there is none"),
          age_ms: nullable(integer({ minimum: 0 }), "How long ago that was, in ms"),
          is_failing: t.Boolean({ description: "Whether the last one failed" }),
        },
        { description: "How backups fare; left out without `backup_dir`, and where the reasons are" },
      ),
    ),
    codes: t.Optional(
      t.Array(word(HEALTH_CODES, "A code of a reason"), {
        description:
          "The codes of the reasons, in place of these, for a request of nobody to a petit with `auth` in its configuration file",
      }),
    ),
  },
  { title: "Health", description: "Whether petit is healthy", examples: [{ status: "ok", version: "0.1.0" }] },
);

const LiveBody = exactly(
  { status: t.Literal("live"), version: t.String({ description: "Version of petit" }) },
  { title: "Live", description: "petit answers", examples: [{ status: "live", version: "0.1.0" }] },
);

/** Path of the health check, which needs no token. */
export const HEALTH_PATH = "/api/health";

/** Path of the check whether the process answers at all, which needs no token. */
export const LIVE_PATH = "/api/health/live";

const backupBody = ({ last, failing }: BackupState, now: number) => ({
  last_at: last?.at ?? null,
  age_ms: last === null ? null : Math.max(0, Math.round(now - last.at)),
  is_failing: failing !== null,
});

export const healthRoutes = ({ auth, authentication, clock, engine, version }: ApiContext) =>
  new Elysia()
    .get(
      HEALTH_PATH,
      ({ request }) => {
        const { status: state, reasons } = engine.health();
        const isTold = auth.signIn === null || authentication.isIdentified(request);
        const body = {
          status: state,
          version,
          ...(reasons.length > 0 && isTold && { reasons: reasons.map(healthReasonBody) }),
          ...(isTold && engine.backup !== null && { backup: backupBody(engine.backup, clock.now()) }),
          ...(reasons.length > 0 && !isTold && { codes: [...new Set(reasons.map(({ code }) => code))] }),
        };
        return state === "ok" || state === "degraded" ? body : status(503, body);
      },
      {
        response: { 200: HealthBody, 403: FAILURES.FORBIDDEN, 500: FAILURES.INTERNAL_ERROR, 503: HealthBody },
        detail: {
          operationId: "getHealth",
          tags: ["scheduler"],
          summary: "Get the health of petit",
          description:
            "Needs no token; with `auth` in the configuration file, only somebody who is known is told more than codes. If any token is limited to some jobs, the reasons name no jobs without a token, and with a limited one only its own. `ok` and `degraded` are answered with 200: petit accepts triggers. `starting`, `stopping` and " +
            "`unavailable` are answered with 503.",
          security: [],
        },
      },
    )
    .get(LIVE_PATH, () => ({ status: "live" as const, version }), {
      response: { 200: LiveBody, 403: FAILURES.FORBIDDEN, 500: FAILURES.INTERNAL_ERROR },
      detail: {
        operationId: "getLive",
        tags: ["scheduler"],
        summary: "Check that the process answers",
        description: "Needs no token. Also 200 while petit is starting, stopping or unavailable.",
        security: [],
      },
    });
