import type { JobScope } from "../domain/people/scope.ts";
import { noRoleText } from "../domain/words/people/sign-in.ts";
import type { RequestConnection } from "../runtime/runtime.ts";
import { noteAction, withinAction } from "../store/people/audit-scope.ts";
import { type ActionRoute, ROUTE_ACTIONS } from "./audit/actions.ts";
import { Denials } from "./audit/denials.ts";
import { addDeniedLogin } from "./audit/denied-login.ts";
import { RequestAudit } from "./audit/request-audit.ts";
import { type ApiContext, RequestRegistry } from "./context.ts";
import { methodNotAllowed } from "./errors.ts";
import { EventFeed } from "./events/feed.ts";
import { createAuthentication } from "./guard/authentication.ts";
import { checkBodySize, MAX_BODY_BYTES } from "./guard/body.ts";
import { type RequestHandler, withCors } from "./guard/cors.ts";
import { drainBody, isUnread } from "./guard/drain-body.ts";
import { createHostCheck } from "./guard/host.ts";
import { messagePage } from "./guard/message-page.ts";
import { checkOrigin } from "./guard/origin.ts";
import { checkNeeds } from "./guard/role.ts";
import { isAnsweredDuringStart, untilStarted } from "./guard/start.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { ApiOptions } from "./options.ts";
import { createRouteFinder } from "./route-finder.ts";
import { JOB_FILES_PATH, maxDraftBytes } from "./routes/definitions/job-files.ts";
import { HOOKS_PATH } from "./routes/deliveries/hooks.ts";
import { HEALTH_PATH, LIVE_PATH } from "./routes/health.ts";
import { DOCS_PATH } from "./routes/openapi.ts";
import { CALLBACK_PATH, LOGIN_PATH } from "./routes/people/login.ts";
import { ROUTE_ROLES } from "./routes/roles.ts";
import { type ApiServices, answerError, pathOf, queryOf, routes } from "./routes/routes.ts";
import { ROUTE_SCOPES } from "./scope/route-scopes.ts";
import { ScopedApps } from "./scope/scoped-apps.ts";
import { FAILURE_STATUS } from "./shapes/failure.ts";
import { createUnknownRouteError } from "./unknown-route.ts";

export interface Api {
  /** Answers any request; never throws. */
  readonly handle: (request: Request, connection?: RequestConnection) => Response | Promise<Response>;
  /** Ends all open streams and waits. */
  readonly close: () => void;
  /** Stores what is only counted so far. Call it after the last answer. */
  readonly end: () => void;
}

/** Creates the whole HTTP API, without a socket. */
export const createApi = (options: ApiOptions): Api => {
  const { clock, log } = options;
  const closing = new AbortController();
  const requests = new RequestRegistry();
  const authentication = createAuthentication(options.auth, requests);
  const { auth, engine, store, version, hostname, system } = options;
  const denials = new Denials({ audit: store.audit, clock, log });
  const context: ApiContext = {
    auth,
    engine,
    store,
    log,
    clock,
    version,
    hostname,
    system,
    publicUrl: options.publicUrl?.replace(/\/+$/, "") ?? null,
    repository: options.repository ?? null,
    editor: options.editor ?? null,
    search: options.search ?? null,
    mcp: options.mcp ?? null,
    sendAs: (original, request) => api.handle(request, requests.connectionOf(original)),
    requests,
    authentication,
    denials,
    closing: closing.signal,
  };
  const services = {
    feed: new EventFeed(options),
    metrics: createMetrics(options),
    roles: ROUTE_ROLES,
    scopes: ROUTE_SCOPES,
  };
  const checkHost = createHostCheck(options);
  const findRoute = createRouteFinder(Object.keys(ROUTE_ACTIONS) as ActionRoute[]);
  const audit = new RequestAudit({ engine, clock, requests, findRoute, denials });
  const handle = withCors(options.corsOrigins, createHandler(options, context, services), context);
  const api: Api = {
    handle: (original, connection) => {
      const id = crypto.randomUUID();
      let request = original;
      requests.add(request, id, connection);
      const startedAt = clock.monotonic();
      const complete = (response: Response): Response => {
        const { method, url } = original;
        const { status } = response;
        // Without the query, which may contain secrets. For a stream, the duration is the time until its start.
        const path = pathOf(url).slice(0, 200);
        const duration_ms = Math.round(clock.monotonic() - startedAt);
        log.debug({ request_id: id, method, path, status, duration_ms }, `${method} ${path} was answered ${status}`);
        return setSecurityHeaders(response, id);
      };
      const answer = (response: Response): Response | Promise<Response> =>
        response.status !== FAILURE_STATUS.REQUEST_TIMEOUT && isUnread(original, response.status)
          ? drainBody(original, clock).then(() => complete(response))
          : complete(response);
      const action = audit.begin(original, pathOf(original.url));
      const finish = (response: Response): Response | Promise<Response> => {
        const stored = action === null ? null : audit.finish(action, response);
        if (stored === null) return answer(response);
        return stored.then(
          () => answer(response),
          (error: unknown) => answer(answerError(context, error, request)),
        );
      };
      const fail = (error: unknown) => finish(answerError(context, error, request));
      try {
        checkHost(original);
        // For HEAD, the runtime sends the headers of the GET response without its body.
        if (original.method === "HEAD") {
          request = new Request(original, { method: "GET" });
          requests.add(request, id, connection);
        }
        const response = action === null ? handle(request) : withinAction(action, () => handle(request));
        // Most responses are available synchronously; a promise would make them a tenth slower.
        return response instanceof Promise ? response.then(finish, fail) : finish(response);
      } catch (error) {
        return fail(error);
      }
    },
    end: () => denials.flush(),
    close: () => {
      closing.abort();
      for (const service of [services.feed, services.metrics]) service[Symbol.dispose]();
    },
  };
  return api;
};

/** Returns the handler behind the host check. It checks the origin, then the token, then the role and the limit to jobs, before anything of the body is read. */
const createHandler = (options: ApiOptions, context: ApiContext, services: ApiServices): RequestHandler => {
  const appOfAll = routes(context, services);
  const scopedApps = new ScopedApps(context, services);
  const { authentication, requests } = context;
  const findRoute = createRouteFinder(Object.keys(ROUTE_ROLES) as (keyof typeof ROUTE_ROLES)[]);
  const unknownRouteError = createUnknownRouteError(appOfAll.routes);
  const appFor = (scope: JobScope) => (scope === null ? appOfAll : scopedApps.of(scope));
  return (request, fromAllowedOrigin) => {
    const path = pathOf(request.url);
    // This check only shows that the process answers, so anybody may ask.
    if (path !== LIVE_PATH) authentication.admit(request);
    const page =
      options.page?.(path, request.headers, queryOf(request.url)) ??
      (isVisit(request) && !path.startsWith("/api/") && findRoute("GET", path) === null
        ? dashboard(options, request, 404)
        : null);
    // A provider sends its visitors back, and is another site.
    const isVisited = page !== null || path === LOGIN_PATH || path === CALLBACK_PATH;
    if (!fromAllowedOrigin && !path.startsWith(HOOKS_PATH)) checkOrigin(request, isVisited);
    if (page !== null) return noRolePage(request, context) ?? onlyGet(request, page);
    const route = findRoute(request.method, path);
    const needed = route === null ? null : ROUTE_ROLES[route];
    let scope: JobScope = null;
    if (needed === null && needsNobody(path)) throw unknownRouteError(request.method, path);
    if (route === HEALTH_ROUTE) scope = authentication.scopeOfHealth(request);
    if (needed !== "none") {
      const login =
        path === DOCS_PATH && isVisit(request) && !authentication.hasCredentials(request)
          ? dashboard(options, request, 200)
          : null;
      if (login !== null) return login;
      if (route === WHO_ROUTE) findWithoutRole(request, context);
      const { person } = authentication.identify(request);
      requests.setPerson(request, person);
      noteAction({ who: person.name, role: person.role, how: person.via });
      if (route === null || needed === null) throw unknownRouteError(request.method, path);
      checkNeeds(person, { role: needed, scope: ROUTE_SCOPES[route] });
      scope = person.scope;
    }
    checkBodySize(request, path.startsWith(JOB_FILES_PATH) ? maxDraftBytes(context) : MAX_BODY_BYTES);
    if (context.engine.phase === "starting" && !isAnsweredDuringStart(path))
      return untilStarted(request, context).then(() => appFor(scope).fetch(request));
    return appFor(scope).fetch(request);
  };
};

const HEALTH_ROUTE = "GET /api/health" satisfies keyof typeof ROUTE_ROLES;
const WHO_ROUTE = "GET /api/session" satisfies keyof typeof ROUTE_ROLES;

/** Returns true for webhooks and health checks. They need no token, so neither does the answer that a method or a path is wrong. */
const needsNobody = (path: string): boolean =>
  path.startsWith(HOOKS_PATH) || path === HEALTH_PATH || path === LIVE_PATH;

/** Returns true if a browser visits the address: browsers ask for HTML by name, other clients accept anything. */
const isVisit = ({ method, headers }: Request): boolean =>
  method === "GET" && (headers.get("accept") ?? "").includes("text/html");

/** Returns the dashboard for an address that is not one of its views: it asks for a missing token, or says that there is no such page. */
const dashboard = ({ page }: ApiOptions, request: Request, status: number): Response | null => {
  const visited = new Headers(request.headers);
  visited.delete("if-none-match");
  const answer = page?.("/", visited, "") ?? null;
  if (answer === null) return null;
  const { body, headers } = answer;
  // The same address may have another answer later.
  headers.set("cache-control", "no-store");
  headers.delete("etag");
  // It does not show the first view.
  headers.delete("link");
  return new Response(body, { status, headers });
};

/** Returns the page for a visitor whom the proxy has identified, and who has no role; else null. */
const noRolePage = (request: Request, context: ApiContext): Response | null => {
  const name = isVisit(request) ? findWithoutRole(request, context) : null;
  if (name === null) return null;
  return messagePage("No role", noRoleText(name, context.auth.signIn?.contact ?? null), FAILURE_STATUS.FORBIDDEN);
};

/** Returns the name of somebody whom the proxy has identified, and who has no role; else null. A visit is the login of such people, which is denied. */
const findWithoutRole = (request: Request, context: ApiContext): string | null => {
  const name = context.authentication.nameWithoutRole(request);
  if (name !== null) addDeniedLogin(request, { how: "proxy", who: name, reason: "no_role" }, context);
  return name;
};

/** Requires that HEAD was replaced by GET. */
const onlyGet = (request: Request, page: Response): Response => {
  if (request.method === "GET") return page;
  throw methodNotAllowed(request.method, pathOf(request.url).slice(0, 200), ["GET", "HEAD"]);
};

/** Prevents browsers from running, sniffing, framing or caching an answer. The dashboard's files have their own policy. */
const setSecurityHeaders = (response: Response, requestId: string): Response => {
  const { headers } = response;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", POLICY);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return response;
};

const POLICY = "default-src 'none'; frame-ancestors 'none'";
