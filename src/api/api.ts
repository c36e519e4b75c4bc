import type { RequestConnection } from "../runtime/runtime.ts";
import { type ApiContext, Requests } from "./context.ts";
import { methodNotAllowed } from "./errors.ts";
import { EventFeed } from "./events/feed.ts";
import { checkBodySize } from "./guard/body.ts";
import { type Answer, crossOrigin } from "./guard/cross-origin.ts";
import { checkOrigin, tokenCheck } from "./guard/guard.ts";
import { hostCheck } from "./guard/host.ts";
import { drain, isUnread } from "./guard/unread-body.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { ApiOptions } from "./options.ts";
import { secured } from "./response.ts";
import { HEALTH_PATH } from "./routes/health.ts";
import { answerError, pathOf, routes, type Told } from "./routes/routes.ts";

export interface Api {
  /** Answers any request; never throws. */
  readonly handle: (request: Request, connection?: RequestConnection) => Response | Promise<Response>;
  /** Ends the streams and the waits that are open. */
  readonly close: () => void;
}

/** The whole HTTP API, without a socket. */
export const createApi = (options: ApiOptions): Api => {
  const { clock, log } = options;
  const closing = new AbortController();
  const requests = new Requests();
  const context: ApiContext = { ...options, requests, closing: closing.signal };
  const told = { feed: new EventFeed(options), metrics: createMetrics(options) };
  const checkHost = hostCheck(options);
  const answer = crossOrigin(options.corsOrigins, answerer(options, context, told), context);
  return {
    handle: (request, connection) => {
      const id = crypto.randomUUID();
      let asked = request;
      requests.add(asked, id, connection);
      const since = clock.monotonic();
      const done = (response: Response): Response => {
        const { method, url } = request;
        const { status } = response;
        // Without the query: who knows what is in it. Of a stream, this is its beginning.
        const path = pathOf(url).slice(0, 200);
        const duration_ms = Math.round(clock.monotonic() - since);
        log.debug({ request_id: id, method, path, status, duration_ms }, `${method} ${path} was answered ${status}`);
        return secured(response, id);
      };
      const finish = (response: Response): Response | Promise<Response> =>
        isUnread(request, response.status) ? drain(request, clock).then(() => done(response)) : done(response);
      const failed = (error: unknown) => finish(answerError(context, error, asked));
      try {
        checkHost(request);
        // Whoever serves this sends no body for HEAD, but the length of one.
        if (request.method === "HEAD") {
          asked = new Request(request, { method: "GET" });
          requests.add(asked, id, connection);
        }
        const response = answer(asked);
        // Most answers are at hand at once, and a promise of one costs a tenth of it.
        return response instanceof Promise ? response.then(finish, failed) : finish(response);
      } catch (error) {
        return failed(error);
      }
    },
    close: () => {
      closing.abort();
      for (const each of [told.feed, told.metrics]) each[Symbol.dispose]();
    },
  };
};

/** HEAD has become GET by then. */
const onlyGet = (request: Request, page: Response): Response => {
  if (request.method === "GET") return page;
  const path = pathOf(request.url).slice(0, 200);
  throw methodNotAllowed(request.method, path, ["GET", "HEAD"]);
};

/** The Host is petit's own; then these are asked in turn: where a request comes from, what it is for, who sends it. */
const answerer = (options: ApiOptions, context: ApiContext, told: Told): Answer => {
  const app = routes(context, told);
  const checkToken = tokenCheck(options.token);
  return (request, fromAllowedOrigin) => {
    const path = pathOf(request.url);
    const page = options.page?.(path, request.headers) ?? null;
    if (!fromAllowedOrigin) checkOrigin(request, page !== null);
    if (page !== null) return onlyGet(request, page);
    if (path !== HEALTH_PATH) checkToken(request);
    checkBodySize(request);
    return app.fetch(request);
  };
};
