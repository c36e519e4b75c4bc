import { createApi } from "../api/api.ts";
import type { ApiDocument } from "../api/docs/openapi-types.ts";
import { createAuth } from "../auth/auth.ts";
import { MEMORY } from "../store/database/open.ts";
import { type OpenEngineOptions, openEngine } from "./open-engine.ts";
import type { Origins } from "./settings/settings.ts";
import { systemFacts } from "./system-facts.ts";

export type ApiDescriptionOptions = Pick<OpenEngineOptions, "settings" | "runtime" | "clock" | "log"> & {
  readonly origins: Origins;
  /** petit's version. */
  readonly version: string;
};

/** Returns the OpenAPI document of the API, as GET /api/openapi.json does. Uses an in-memory database. */
export const describeApi = async (options: ApiDescriptionOptions): Promise<ApiDocument> => {
  const { runtime, clock, log, version, origins } = options;
  const settings = { ...options.settings, db: MEMORY };
  await using parts = new AsyncDisposableStack();
  const engine = openEngine(
    {
      settings,
      runtime,
      clock,
      log,
      jobsDir: null,
      environment: {},
      readJobs: async () => ({ jobs: [], problems: [], broken: [] }),
      followSchedules: false,
    },
    parts,
  );
  const auth = parts.use(createAuth({ clock, log, store: engine.store, tokens: [], isExposed: false }));
  const api = createApi({
    clock,
    log,
    version,
    engine,
    store: engine.store,
    host: HOST,
    port: 0,
    auth,
    corsOrigins: [],
    allowedHosts: [],
    hostname: HOST,
    system: systemFacts({ settings, origins, runtime, jobsDir: settings.jobsDir }),
  });
  parts.defer(() => api.close());
  const response = await api.handle(new Request(`http://${HOST}/api/openapi.json`, { headers: { host: HOST } }));
  return await response.json();
};

const HOST = "127.0.0.1";
