import { Elysia, NotFoundError } from "elysia";
import type { ApiContext } from "../context.ts";
import type { DescribedRoute } from "../docs/openapi.ts";
import { ApiError, failureResponse, methodNotAllowed, toApiError } from "../errors.ts";
import type { EventFeed } from "../events/feed.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { allowedMethods } from "./allowed-methods.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { jobRoutes } from "./jobs.ts";
import { lineRoutes } from "./lines.ts";
import { logRoutes } from "./logs.ts";
import { metricsRoutes } from "./metrics.ts";
import { notificationRoutes } from "./notifications.ts";
import { openApiRoutes } from "./openapi.ts";
import { runActionRoutes } from "./run-actions.ts";
import { runRoutes } from "./runs.ts";
import { schedulerRoutes } from "./scheduler.ts";
import { systemRoutes } from "./system.ts";
import { timelineRoutes } from "./timeline.ts";
import { triggerRoutes } from "./trigger.ts";

/** What listens to the engine for as long as the API is there. */
export type Told = { readonly feed: EventFeed; readonly metrics: Metrics };

/** Every route, one plugin a noun. What a route throws, and what no route takes, becomes the one shape of a failure. */
export const routes = (context: ApiContext, { feed, metrics }: Told) => {
  const app = new Elysia({ normalize: false, handler: ANY_HOST })
    .onError(({ error, request }) => {
      const known = error instanceof NotFoundError ? noRoute(allowed, request) : error;
      return answerError(context, known, request);
    })
    .use(healthRoutes(context))
    .use(jobRoutes(context))
    .use(triggerRoutes(context))
    .use(runRoutes(context))
    .use(runActionRoutes(context))
    .use(logRoutes(context))
    .use(lineRoutes(context))
    .use(eventRoutes(context, feed))
    .use(schedulerRoutes(context))
    .use(timelineRoutes(context))
    .use(notificationRoutes(context))
    .use(systemRoutes(context))
    .use(metricsRoutes(metrics))
    .use(openApiRoutes(() => described, context.version));
  const described: readonly DescribedRoute[] = app.routes;
  const allowed = allowedMethods(described);
  return app;
};

/** Or else Elysia looks for the path behind the place where a host of four characters would end. */
export const ANY_HOST = { standardHostname: false } as const;

/** The type of the whole API, for a client that is typed by it. */
export type Routes = ReturnType<typeof routes>;

/** Tells the log what the answer doesn't, under the id that both carry. */
export const answerError = ({ log, requests }: ApiContext, error: unknown, request: Request): Response => {
  const apiError = toApiError(error);
  if (apiError.failure === "INTERNAL_ERROR") {
    const { method, url } = request;
    // Without the query: who knows what is in it.
    log.error({ request_id: requests.idOf(request), method, path: pathOf(url), err: error }, "a request failed");
  }
  return failureResponse(apiError);
};

const noRoute = (allowed: ReturnType<typeof allowedMethods>, request: Request): ApiError => {
  const path = pathOf(request.url);
  const methods = allowed(path);
  const shown = path.slice(0, 200);
  if (methods.length === 0)
    return new ApiError("NOT_FOUND", `there is nothing at ${shown}; GET /api/openapi.json lists what there is`);
  return methodNotAllowed(request.method, shown, methods);
};

/** Of an absolute URL, without the query. */
export const pathOf = (url: string): string => {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
};
