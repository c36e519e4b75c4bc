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
    const { job_id: jobId, run_id: runId, ...others } = partsOf(route, path);
    const parts: Readonly<Record<string, string | undefined>> = { ...others, job_id: jobId, run_id: runId };
    return auditFacts({
      how: path.startsWith(HOOKS_PATH) ? "webhook" : wayOf(request),
      address: requests.addressOf(request),
      action,
      target: on === undefined ? null : (parts[on] ?? null),
      jobId: jobId === undefined ? null : engine.currentJobId(jobId),
      // A retry has a new run.
      runId: action === "run.retry" ? null : (runId ?? null),
      requestId: requests.idOf(request),
    });
  }

  /**
   * Stores what a request has done unless a transaction has, before it is answered, or that it was denied. Rejects with `storage_failed` if
   * that can't be stored.
   */
  async finish(entry: AuditEntry, { status }: Response): Promise<void> {
    try {
      if (!entry.isOpen || entry.isDeferred) return;
      if (status === 401 || status === 403) this.#options.denials.add(entry.facts);
      else if (status === 404 && entry.isHidden) this.#options.denials.addLater(entry.facts);
      else if (status < 400) await withinAction(entry, () => this.#options.engine.storeAction());
    } finally {
      entry.close();
    }
  }
}

/** Returns how a request wants to come in. If somebody is behind it, that is noted instead. */
const wayOf = (request: Request): AuditWay => {
  if (request.headers.has("authorization")) return "token";
  const session = sessionValue(request);
  if (session === null) return "anonymous";
  return isProviderSession(session) ? "provider" : "session";
};

/** Returns the named parts of a path, and under `*` its rest. */
const partsOf = (route: string, path: string): Readonly<Record<string, string>> => {
  const names = route.slice(route.indexOf("/")).split("/");
  const texts = path.split("/");
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const text = name === "*" ? texts.slice(index).join("/") : (texts[index] ?? "");
      return name === "*" || name.startsWith(":") ? [[name.replace(":", ""), decoded(text)]] : [];
    }),
  );
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
