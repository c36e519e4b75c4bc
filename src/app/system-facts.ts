import { resolve } from "node:path";
import type { SystemFacts } from "../api/options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { SCHEMA_VERSION } from "../store/database/migrate.ts";
import { MEMORY } from "../store/database/open.ts";
import { siblingFile } from "../store/database/sibling-file.ts";
import { defaultZone, type Origins, type Settings } from "./settings/settings.ts";
import { shownSettings } from "./settings/shown.ts";

type Started = {
  readonly settings: Settings;
  readonly origins: Origins;
  readonly runtime: Pick<Runtime, "name" | "version">;
  readonly jobsDir: string;
};

/** Returns the facts for GET /api/system. `jobsDir` is the JOBS_DIR argument, or null. */
export const systemFacts = ({ settings, origins, runtime, jobsDir }: Started): SystemFacts => ({
  runtime: { name: runtime.name, version: runtime.version },
  target: `${process.platform}-${process.arch}`,
  startedAt: Math.round(performance.timeOrigin),
  dbPath: settings.db === MEMORY ? MEMORY : resolve(settings.db),
  schemaVersion: SCHEMA_VERSION,
  artifactsDir: settings.db === MEMORY ? null : resolve(siblingFile(settings.db, "-artifacts")),
  spoolDir: settings.db === MEMORY ? null : resolve(siblingFile(settings.db, "-spool")),
  jobsDir: resolve(jobsDir),
  timezone: defaultZone(settings),
  settings: shownSettings({ settings, origins }, jobsDir === settings.jobsDir ? null : jobsDir),
});
