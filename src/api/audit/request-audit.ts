import { isProviderSession } from "../../auth/provider/sessions.ts";
import { type AuditFacts, type AuditWay, auditFacts } from "../../domain/people/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import { AuditEntry, withinAction } from "../../store/people/audit-scope.ts";
import type { RequestRegistry } from "../context.ts";
import { sessionValue } from "../guard/cookie.ts";
import type { ApiEngine } from "../options.ts";
import type { FindRoute } from "../route-finder.ts";
import { HOOKS_PATH } from "../routes/deliveries/hooks.ts";
import { type ActionRoute, ROUTE_ACTIONS, type RouteAction } from "./actions.ts";
import type { Denials } from "./denials.ts";

export type RequestAuditOptions = {
  readonly engine: Pick<ApiEngine, "currentJobId" | "storeAction">;
  readonly clock: Pick<Clock, "now">;
  readonly requests: RequestRegistry;
  readonly findRoute: FindRoute<ActionRoute>;
  readonly denials: Denials;
};

/** Records in the audit log what requests do. */
export class RequestAudit {
  readonly #options: RequestAuditOptions;

  constructor(options: RequestAuditOptions) {
    this.#options = options;
  }

  /** Returns what a request is about to do; null for one of a route that changes nothing. */
  begin(request: Request, path: string): AuditEntry | null {
    const { method } = request;
    if (method === "GET" || method === "HEAD" || method === "OPTIONS") return null;
    const route = this.#options.findRoute(method, path);
    const given: RouteAction | null = route === null ? null : ROUTE_ACTIONS[route];
    if (route === null || given === null) return null;
    return new AuditEntry(this.#factsOf(request, { route, path, given }), this.#options.clock);
  }

  #factsOf(
    request: Request,
    { route, path, given }: { readonly route: ActionRoute; readonly path: string; readonly given: RouteAction },
  ): AuditFacts {
    const { engine, requests } = this.#options;
    const { action, on } = given;
    const partOf = createPartFinder(route, path);
    const jobId = partOf(":job_id");
    return auditFacts({
      how: path.startsWith(HOOKS_PATH) ? "webhook" : wayOf(request),
      address: requests.addressOf(request),
      action,
      target: on === undefined ? null : partOf(on === "*" ? on : `:${on}`),
      jobId: jobId === null ? null : engine.currentJobId(jobId),
      // A retry has a new run.
      runId: action === "run.retry" ? null : partOf(":run_id"),
      requestId: requests.idOf(request),
    });
  }

  /**
   * Stores what a request has done unless a transaction has, before it is answered, or that it was denied. Returns null if nothing is left to
   * wait for, as mostly. Rejects with `storage_failed` if it can't be stored.
   */
  finish(entry: AuditEntry, { status }: Response): Promise<void> | null {
    if (entry.isOpen && !entry.isDeferred) {
      if (status === 401 || status === 403) this.#options.denials.add(entry.facts);
      else if (status === 404 && entry.isHidden) this.#options.denials.addLater(entry.facts);
      else if (status < 400)
        return withinAction(entry, () => this.#options.engine.storeAction()).finally(() => entry.close());
    }
    entry.close();
    return null;
  }
}

/** Returns how a request wants to come in. If somebody is behind it, that is noted instead. */
const wayOf = (request: Request): AuditWay => {
  if (request.headers.has("authorization")) return "token";
  const session = sessionValue(request);
  if (session === null) return "anonymous";
  return isProviderSession(session) ? "provider" : "session";
};

/** Returns a function that finds the part of a path that `:name` stands for in its route, or the rest for which `*` does; null if it has none. */
const createPartFinder = (route: string, path: string): ((name: string) => string | null) => {
  const names = route.slice(route.indexOf("/")).split("/");
  const texts = path.split("/");
  return (name) => {
    const index = names.indexOf(name);
    if (index === -1) return null;
    return decoded(name === "*" ? texts.slice(index).join("/") : (texts[index] ?? ""));
  };
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
