import type { JobId } from "../../domain/ids.ts";
import type { JobScope } from "../../domain/people/scope.ts";
import type { ApiContext } from "../context.ts";
import { type ApiServices, type Routes, routes } from "../routes/routes.ts";
import { scopedFeed } from "./events.ts";
import { scopedMetrics } from "./metrics.ts";
import { Redaction } from "./redact.ts";
import { scopedEngine } from "./scoped-engine.ts";
import { scopedSearch } from "./scoped-search.ts";
import { scopedStore } from "./scoped-store.ts";
import { Visibility } from "./visibility.ts";

type ScopedApp = {
  readonly app: Routes;
  readonly visibility: Visibility;
  /** The jobs for which it was made. */
  readonly jobIds: ReadonlySet<JobId>;
};

/** How many different limits can be in use without routes being made again and again. Each takes about 2 MB. */
const MAX_APPS = 16;

/**
 * The routes for people who are limited to some jobs. They are the same routes over an engine and a store in which only these jobs exist, so
 * no route has to think of limits. What routes keep between requests, such as the bars of a time line, ends when the jobs change.
 */
export class ScopedApps {
  readonly #context: ApiContext;
  readonly #services: ApiServices;
  /** By the limit; the one that was used last is last. */
  readonly #apps = new Map<string, ScopedApp>();

  constructor(context: ApiContext, services: ApiServices) {
    this.#context = context;
    this.#services = services;
  }

  of(scope: NonNullable<JobScope>): Routes {
    const key = JSON.stringify(scope);
    const known = this.#apps.get(key);
    this.#apps.delete(key);
    const scoped = known !== undefined && known.jobIds === known.visibility.jobIds ? known : this.#make(scope, known);
    this.#apps.set(key, scoped);
    for (const [oldest] of this.#apps) {
      if (this.#apps.size <= MAX_APPS) break;
      this.#apps.delete(oldest);
    }
    return scoped.app;
  }

  #make(scope: NonNullable<JobScope>, known: ScopedApp | undefined): ScopedApp {
    const {
      engine,
      store,
      system,
      auth,
      log,
      clock,
      version,
      hostname,
      publicUrl,
      search,
      mcp,
      sendAs,
      requests,
      authentication,
      denials,
      closing,
    } = this.#context;
    const visibility = known?.visibility ?? new Visibility(engine, scope);
    const { jobIds } = visibility;
    const redaction = new Redaction({ engine, store, visibility });
    const { feed, metrics, roles, scopes } = this.#services;
    const app = routes(
      {
        engine: scopedEngine(engine, { store, visibility, redaction }),
        store: scopedStore(store, { visibility, redaction }),
        auth,
        log,
        clock,
        version,
        hostname,
        search: search === null ? null : scopedSearch(search, visibility),
        mcp,
        sendAs,
        publicUrl,
        requests,
        authentication,
        denials,
        closing,
        // Commits, job files and settings are about all jobs.
        repository: null,
        editor: null,
        system: { ...system, settings: [] },
      },
      { feed: scopedFeed(feed, visibility), metrics: scopedMetrics(metrics, visibility), roles, scopes },
    );
    return { app, visibility, jobIds };
  }
}
