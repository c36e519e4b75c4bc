import { Elysia } from "elysia";
import type { NeededRole } from "../../domain/people/role.ts";
import type { RouteScope } from "../../domain/people/scope.ts";
import type { ApiContext } from "../context.ts";
import type { DescribedRoute } from "../docs/openapi.ts";
import { failureResponse, toApiError } from "../errors.ts";
import type { Feed } from "../events/feed.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { mcpRoutes } from "./agents/mcp.ts";
import { artifactRoutes } from "./artifacts.ts";
import { attentionMarkRoutes, attentionRoutes } from "./attention.ts";
import { backfillRoutes } from "./backfills.ts";
import { jobFileRoutes } from "./definitions/job-files.ts";
import { jobRepositoryRoutes } from "./definitions/repository.ts";
import { jobSchemaRoutes } from "./definitions/schema.ts";
import { versionRoutes } from "./definitions/versions.ts";
import { deliveryRoutes } from "./deliveries/deliveries.ts";
import { hookRoutes } from "./deliveries/hooks.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { jobRoutes } from "./jobs.ts";
import { metricsRoutes } from "./metrics.ts";
import { notificationRoutes } from "./notifications.ts";
import { openApiRoutes } from "./openapi.ts";
import { lineRoutes } from "./output/lines.ts";
import { logRoutes } from "./output/logs.ts";
import { searchRoutes } from "./output/search.ts";

import { peopleRoutes } from "./people/people.ts";
import { approvalRoutes, runActionRoutes } from "./run-actions.ts";
import { runRoutes } from "./runs.ts";
import { schedulerRoutes } from "./scheduler.ts";
import { systemRoutes } from "./system.ts";
import { reviewRoutes, timelineRoutes } from "./timeline.ts";
import { triggerRoutes } from "./trigger.ts";
import { workerRoutes } from "./workers.ts";

/** What single routes get. */
export type ApiServices = {
  readonly feed: Feed;
  readonly metrics: Pick<Metrics, "text">;
  /** The role that each route needs, by its method and path. */
  readonly roles: Readonly<Record<string, NeededRole>>;
  /** What each route is about, by its method and path. */
  readonly scopes: Readonly<Record<string, RouteScope>>;
};

/** Combines all routes, one plugin per noun. Their errors get the one shape of a failure. */
export const routes = (context: ApiContext, { feed, metrics, roles, scopes }: ApiServices) => {
  const app = new Elysia({ normalize: false, handler: ANY_HOST })
    .onError(({ error, request }) => answerError(context, error, request))
    .use(healthRoutes(context))
    .use(attentionRoutes(context))
    .use(attentionMarkRoutes(context))
    .use(jobRoutes(context))
    .use(versionRoutes(context))
    .use(jobRepositoryRoutes(context))
    .use(jobFileRoutes(context))
    .use(jobSchemaRoutes())
    .use(triggerRoutes(context))
    .use(hookRoutes(context))
    .use(deliveryRoutes(context))
    .use(backfillRoutes(context))
    .use(runRoutes(context))
    .use(runActionRoutes(context))
    .use(approvalRoutes(context))
    .use(artifactRoutes(context))
    .use(logRoutes(context))
    .use(lineRoutes(context))
    .use(searchRoutes(context))
    .use(eventRoutes(context, feed))
    .use(schedulerRoutes(context))
    .use(workerRoutes(context))
    .use(timelineRoutes(context))
    .use(reviewRoutes(context))
    .use(notificationRoutes(context))
    .use(systemRoutes(context))
    .use(peopleRoutes(context))
    .use(mcpRoutes(context))
    .use(metricsRoutes(metrics))
    .use(openApiRoutes(() => ({ routes: described, roles, scopes }), context.version));
  const described: readonly DescribedRoute[] = app.routes;
  return app;
};

/** Without this, Elysia assumes a host of at least five characters when it looks for the path. */
export const ANY_HOST = { standardHostname: false } as const;

/** The type of the whole API, for typed clients. */
export type Routes = ReturnType<typeof routes>;

/** Returns the answer for an error. Logs the cause of an internal error under the request id, which the answer has as well. */
export const answerError = ({ log, requests }: ApiContext, error: unknown, request: Request): Response => {
  const apiError = toApiError(error);
  if (apiError.failure === "INTERNAL_ERROR") {
    const { method, url } = request;
    // Without the query, which may contain secrets.
    log.error({ request_id: requests.idOf(request), method, path: pathOf(url), err: error }, "a request failed");
  }
  return failureResponse(apiError);
};

/** Returns the path of an absolute URL, without the query. */
export const pathOf = (url: string): string => {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
};

/** Returns the query of a URL with its "?"; empty if there is none. */
export const queryOf = (url: string): string => {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
};
