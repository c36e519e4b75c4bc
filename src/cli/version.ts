import type { Runtime } from "../runtime/runtime.ts";
import { SCHEMA_VERSION } from "../store/database/migrate.ts";
import { MEMORY } from "../store/database/open.ts";
import { versionLine } from "./version-line.ts";

/** scripts/compile defines these names. They are undefined if petit runs from source. */
declare const PETIT_COMMIT: string | undefined;
declare const PETIT_COMMIT_DATE: string | undefined;
declare const PETIT_TARGET: string | undefined;

const textOrNull = (text: string | undefined): string | null => text || null;

/** The commit that petit was built from, with the suffix `-dirty` if the source had changes. */
const COMMIT = textOrNull(typeof PETIT_COMMIT === "string" ? PETIT_COMMIT : undefined);

/** The time of that commit, ISO 8601 in UTC. It is not the build time, so that builds are reproducible. */
const COMMIT_DATE = textOrNull(typeof PETIT_COMMIT_DATE === "string" ? PETIT_COMMIT_DATE : undefined);

/** The platform that petit was built for, such as `linux-arm64-musl`. */
const TARGET =
  textOrNull(typeof PETIT_TARGET === "string" ? PETIT_TARGET : undefined) ?? `${process.platform}-${process.arch}`;

type VersionOptions = { readonly version: string; readonly runtime: Runtime };

/** Returns the version of petit. As JSON, adds the build, the target, the runtime, SQLite's version and the schema's. */
export const versionText = ({ version, runtime }: VersionOptions, json: boolean): string =>
  json ? `${JSON.stringify(versionDetails({ version, runtime }), null, 2)}\n` : versionLine(version);

const versionDetails = ({ version, runtime }: VersionOptions) => ({
  version,
  build: { commit: COMMIT, date: COMMIT_DATE },
  target: TARGET,
  runtime: { name: runtime.name, version: runtime.version },
  sqlite: sqliteVersion(runtime),
  schema: SCHEMA_VERSION,
});

const sqliteVersion = (runtime: Runtime): string => {
  const db = runtime.openDatabase(MEMORY);
  try {
    return String(db.prepare("SELECT sqlite_version() AS version").get()?.version);
  } finally {
    db.close();
  }
};
