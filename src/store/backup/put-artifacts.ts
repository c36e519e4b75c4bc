import {
  chmodSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { MEMORY } from "../database/open.ts";
import { readDatabase } from "../database/read-only.ts";
import { siblingFile } from "../database/sibling-file.ts";
import type { Identity } from "../identity.ts";
import { fsyncPath } from "./backup.ts";
import { copyArtifacts, listArtifacts } from "./copy-artifacts.ts";
import { ARTIFACTS } from "./folder.ts";
import { giveLink } from "./owner.ts";

/** Artifacts on the disk of the database's, which are put in place by `put`. Disposing deletes them if they are not. */
export type PreparedArtifacts = Disposable & { readonly put: () => void };

export type PrepareOptions = {
  /** The file of the database, without links. */
  readonly database: string;
  /** The copy, and the folder of its artifacts; null to keep the present ones. */
  readonly source: string;
  readonly artifacts: string | null;
  /** Where the present database is moved; null if nothing is there. */
  readonly aside: string | null;
  readonly owner: Stats;
  readonly copiedAt: number | null;
  readonly runtime: Runtime;
};

/**
 * Copies the artifacts of the copy as far as they are as it lists them, or links the present ones, because the next start deletes those of runs
 * that the copy does not have. `put` moves the present ones aside and the prepared ones to their place.
 */
export const prepareArtifacts = (options: PrepareOptions): PreparedArtifacts => {
  const { database, aside, artifacts, source, owner, copiedAt, runtime } = options;
  const place = placeOf(database);
  if (artifacts === null && !isThere(place.folder)) return { put: () => {}, [Symbol.dispose]: () => {} };
  for (const folder of place.listPrepared()) remove(folder);
  const [unfinished, prepared] = [place.prepared("unfinished"), place.prepared(copiedAt ?? 0)];
  try {
    if (artifacts === null) linkTree(place.folder, unfinished, (name) => !OURS.test(name));
    else {
      mkdirSync(unfinished, { mode: 0o700 });
      readDatabase({ path: source, runtime }, ({ db }) =>
        copyArtifacts({ artifacts: listArtifacts(db), from: artifacts, to: unfinished, earlier: null, linked: false }),
      );
    }
    giveTree(unfinished, owner);
    renameSync(unfinished, prepared);
  } catch (error) {
    remove(unfinished);
    throw error;
  }
  return {
    put: () => place.put(prepared, { aside: aside ?? database, owner }),
    [Symbol.dispose]: () => remove(prepared),
  };
};

/**
 * Ends a restore that was interrupted after the copy had got the name of the database: its artifacts get their place. What an earlier
 * interruption left is deleted. Call it while the database is locked, before petit uses the artifacts.
 */
export const finishRestore = (
  path: string,
  { copiedAt }: Pick<Identity, "copiedAt">,
  asideOf: (database: string) => string,
): void => {
  if (path === MEMORY) return;
  const database = resolve(siblingFile(path, ""));
  const place = placeOf(database);
  const prepared = place.prepared(copiedAt ?? 0);
  if (copiedAt !== null && place.listPrepared().some((each) => each === prepared || each === `${prepared}${MOVED}`))
    place.put(prepared, { aside: asideOf(database), owner: null });
  for (const folder of place.listPrepared()) remove(folder);
};

/** Throws if the folder of the artifacts is a link that leads nowhere. */
export const assertArtifactsPlace = (database: string): void => {
  const link = `${database}${ARTIFACTS}`;
  if (!isThere(link) || statSync(link, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new PetitError(
    "unusable_database",
    `${link} leads to a folder that is not there; mount its disk, or remove the link`,
  );
};

type PutOptions = {
  /** The path to which the database is moved. */
  readonly aside: string;
  /** Null if this process is the owner. */
  readonly owner: Stats | null;
};

/** Where artifacts are, and how others take their place. */
type Place = {
  readonly folder: string;
  /** Returns a path on the same disk. The name has the time of the copy, so that the next start knows whether it belongs to the database that is there. */
  readonly prepared: (mark: number | "unfinished") => string;
  readonly listPrepared: () => readonly string[];
  /** Can be called again if it was interrupted. */
  readonly put: (prepared: string, options: PutOptions) => void;
};

const placeOf = (database: string): Place => {
  const named = `${database}${ARTIFACTS}`;
  if (statSync(named, { throwIfNoEntry: false })?.isDirectory() !== true) return placeBeside(database);
  return lstatSync(named).isSymbolicLink() || isMountPoint(named)
    ? placeInside(realpathSync(named))
    : placeBeside(database);
};

/** The folder is replaced by another one. */
const placeBeside = (database: string): Place => {
  const folder = `${database}${ARTIFACTS}`;
  const start = `${database}-restored-`;
  return {
    folder,
    prepared: (mark) => `${start}${mark}${ARTIFACTS}`,
    listPrepared: () =>
      readdirSync(dirname(database)).flatMap((name) =>
        name.startsWith(basename(start)) && name.endsWith(ARTIFACTS) ? [join(dirname(database), name)] : [],
      ),
    put: (prepared, { aside }) => {
      if (isThere(folder)) renameSync(folder, `${aside}${ARTIFACTS}`);
      renameSync(prepared, folder);
    },
  };
};

/** What a restore makes in the folder of the artifacts. */
const OURS = /^\.(before-restore|restored)-/;

/** Suffix of what is prepared after what was there has been moved. */
const MOVED = "-new";

/** What is in the folder is replaced: a mount point can't be moved, and what is beside the target of a link may be on another disk, or of others. */
const placeInside = (folder: string): Place => ({
  folder,
  prepared: (mark) => join(folder, `.restored-${mark}`),
  listPrepared: () =>
    readdirSync(folder).flatMap((name) => (name.startsWith(".restored-") ? [join(folder, name)] : [])),
  put: (prepared, { aside, owner }) => {
    const moved = `${prepared}${MOVED}`;
    if (isThere(prepared)) {
      const kept = join(folder, `.before-restore-${aside.split(".before-restore-").at(-1)}`);
      mkdirSync(kept, { recursive: true, mode: 0o700 });
      if (owner !== null) giveLink(kept, owner);
      moveAll(folder, kept, (name) => !OURS.test(name));
      renameSync(prepared, moved);
      fsyncPath(folder);
    }
    moveAll(moved, folder, () => true);
    rmdirSync(moved);
    fsyncPath(folder);
  },
});

const moveAll = (from: string, to: string, isMoved: (name: string) => boolean): void => {
  for (const name of readdirSync(from).filter(isMoved)) renameSync(join(from, name), join(to, name));
};

/** Returns true also if another folder of the same disk is mounted there, as in a container. */
const isMountPoint = (path: string): boolean => {
  if (statSync(path).dev !== statSync(dirname(path)).dev) return true;
  const escaped = realpathSync(path).replaceAll(
    /[ \t\n\\]/g,
    (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return readMounts().some((line) => line.split(" ")[4] === escaped);
};

const readMounts = (): readonly string[] => {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  } catch {
    return [];
  }
};

const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const linkTree = (from: string, to: string, isLinked: (name: string) => boolean = () => true): void => {
  mkdirSync(to, { mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (!isLinked(entry.name)) continue;
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isFile()) linkOrCopy(source, target);
  }
};

const linkOrCopy = (from: string, to: string): void => {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to, { preserveTimestamps: true });
  }
};

/** Gives a tree to the owner. It was just made, in a folder that only the owner and this process can write to. */
const giveTree = (path: string, owner: Stats): void => {
  const stats = lstatSync(path);
  giveLink(path, owner);
  if (stats.isSymbolicLink()) return;
  chmodSync(path, stats.mode & (stats.isDirectory() ? 0o700 : 0o600));
  if (stats.isDirectory()) for (const name of readdirSync(path)) giveTree(join(path, name), owner);
};
