import type { Runtime } from "../../runtime/runtime.ts";
import { SCHEMA_VERSION } from "../../store/database/migrate.ts";
import { MEMORY } from "../../store/database/open.ts";
import { BUILD } from "../build.ts";
import { versionLine } from "../version-line.ts";

type Told = { readonly version: string; readonly runtime: Runtime };

/** What petit is: its version; as JSON also what it was built from, for which machines, and what it is made of. */
export const versionText = ({ version, runtime }: Told, json: boolean): string =>
  json ? `${JSON.stringify(versionDetails({ version, runtime }), null, 2)}\n` : versionLine(version);

const versionDetails = ({ version, runtime }: Told) => {
  const { commit, date, target } = BUILD;
  return {
    version,
    build: { commit, date },
    target,
    runtime: { name: runtime.name, version: runtime.version },
    sqlite: sqliteVersion(runtime),
    schema: SCHEMA_VERSION,
  };
};

const sqliteVersion = (runtime: Runtime): string => {
  const db = runtime.openDatabase(MEMORY);
  try {
    return String(db.prepare("SELECT sqlite_version() AS version").get()?.version);
  } finally {
    db.close();
  }
};
