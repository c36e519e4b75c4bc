import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

/** A package that the executable is made of. */
export type Package = {
  readonly name: string;
  readonly version: string;
  /** `sha512-` and the digest in base64, of the archive in the registry. */
  readonly integrity: string;
  /** Where it is installed. */
  readonly folder: string;
  /** As its package.json says; null where it doesn't. */
  readonly license: string | null;
  /** Keys of the packages that it uses itself. */
  readonly uses: readonly string[];
};

type Needs = Readonly<Record<string, string>>;
type Details = { dependencies?: Needs; peerDependencies?: Needs; optionalPeers?: readonly string[] };
type Entry = readonly [string, string, Details, string];
type Lock = {
  readonly workspaces: { readonly "": { readonly dependencies: Needs } };
  readonly packages: Readonly<Record<string, Entry>>;
};

/** What package.json depends on, and all that this depends on, by the key that bun.lock gives it; nothing of development. */
export const lockedPackages = (): ReadonlyMap<string, Package> => {
  const lock = readLock();
  const found = new Map<string, Package>();
  const waiting = Object.keys(lock.workspaces[""].dependencies);
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (found.has(key)) continue;
    const one = packageOf(lock, key);
    found.set(key, one);
    waiting.push(...one.uses);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** JSON with commas behind the last of a list. */
const readLock = (): Lock => JSON.parse(readFileSync(join(ROOT, "bun.lock"), "utf8").replace(/,(\s*[}\]])/g, "$1"));

const packageOf = (lock: Lock, key: string): Package => {
  const entry = lock.packages[key];
  if (entry === undefined) throw new Error(`bun.lock has no ${key}`);
  const [id, , details, integrity] = entry;
  const at = id.lastIndexOf("@");
  const folder = join(ROOT, "node_modules", nestedFolder(key));
  const uses = needsOf(details).flatMap((name) => resolve(lock, key, name));
  return { name: id.slice(0, at), version: id.slice(at + 1), integrity, folder, license: licenseOf(folder), uses };
};

/** What is optional is there for development, or is named by petit itself. */
const needsOf = ({ dependencies = {}, peerDependencies = {}, optionalPeers = [] }: Details): readonly string[] => [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => !optionalPeers.includes(name)),
];

/** A package of its own below whoever needs another version than the rest. */
const resolve = (lock: Lock, user: string, name: string): string[] =>
  [`${user}/${name}`, name].filter((key) => key in lock.packages).slice(0, 1);

/** `@a/b/c` lies in `@a/b/node_modules/c`. */
const nestedFolder = (key: string): string => (key.match(/(@[^/]+\/)?[^/]+/g) ?? []).join("/node_modules/");

const licenseOf = (folder: string): string | null => {
  const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return typeof license === "string" ? license : null;
};
