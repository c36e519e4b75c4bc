import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

/** A package that the executable contains. */
export type Package = {
  readonly name: string;
  readonly version: string;
  /** `sha512-` followed by the digest in base64 of the registry's archive. */
  readonly integrity: string;
  /** The folder where it is installed. */
  readonly folder: string;
  /** The license in its package.json, or null if there is none. */
  readonly license: string | null;
  /** The keys of its dependencies. */
  readonly dependencies: readonly string[];
};

type Versions = Readonly<Record<string, string>>;
type Details = { dependencies?: Versions; peerDependencies?: Versions; optionalPeers?: readonly string[] };
type Entry = readonly [string, string, Details, string];
type Lock = {
  readonly workspaces: { readonly "": { readonly dependencies: Versions } };
  readonly packages: Readonly<Record<string, Entry>>;
};

/** Returns the direct and transitive dependencies of package.json by their keys in bun.lock, without development dependencies. */
export const lockedPackages = (): ReadonlyMap<string, Package> => {
  const lock = readLock();
  const found = new Map<string, Package>();
  const waiting = Object.keys(lock.workspaces[""].dependencies);
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (found.has(key)) continue;
    const one = packageOf(lock, key);
    found.set(key, one);
    waiting.push(...one.dependencies);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** Parses bun.lock, which is JSON with trailing commas. */
const readLock = (): Lock => JSON.parse(readFileSync(join(ROOT, "bun.lock"), "utf8").replace(/,(\s*[}\]])/g, "$1"));

const packageOf = (lock: Lock, key: string): Package => {
  const entry = lock.packages[key];
  if (entry === undefined) throw new Error(`bun.lock has no ${key}`);
  const [id, , details, integrity] = entry;
  const at = id.lastIndexOf("@");
  const folder = join(ROOT, "node_modules", nestedFolder(key));
  const dependencies = dependenciesOf(details).flatMap((name) => resolve(lock, key, name));
  return {
    name: id.slice(0, at),
    version: id.slice(at + 1),
    integrity,
    folder,
    license: licenseOf(folder),
    dependencies,
  };
};

/** Optional peers are development dependencies, or direct dependencies of petit. */
const dependenciesOf = ({
  dependencies = {},
  peerDependencies = {},
  optionalPeers = [],
}: Details): readonly string[] => [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => !optionalPeers.includes(name)),
];

/** A package that needs another version than the others has an entry below its own key. */
const resolve = (lock: Lock, user: string, name: string): string[] =>
  [`${user}/${name}`, name].filter((key) => key in lock.packages).slice(0, 1);

/** The key `@a/b/c` is installed in `@a/b/node_modules/c`. */
const nestedFolder = (key: string): string => (key.match(/(@[^/]+\/)?[^/]+/g) ?? []).join("/node_modules/");

const licenseOf = (folder: string): string | null => {
  const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return typeof license === "string" ? license : null;
};
