import { statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type ResolvedPath, resolveLinks } from "../lib/files/resolve-links.ts";

/** The folders of petit itself on this machine. */
export type OwnFolders = {
  /** What petit stores. No container may reach it. */
  readonly state: readonly StateFolder[];
  /** JOBS_DIR, in which no container may write; null if there is none. */
  readonly jobs: string | null;
};

export type StateFolder = {
  readonly what: "database" | "spool" | "artifacts";
  /** Absolute; may contain links. */
  readonly path: string;
};

/** A folder or file of this machine in a container. */
export type Mount = {
  /** The path on this machine, without links. */
  readonly source: string;
  /** True if the container must not write to it. */
  readonly isReadOnly: boolean;
  /** Folders below the source that are mounted again, from the outer to the inner one. */
  readonly inner: readonly { readonly path: string; readonly isReadOnly: boolean }[];
};

/** Returns how a path is mounted, or why it must not be. */
export const judgeMount = (path: string, folders: OwnFolders): Mount | { readonly problem: string } => {
  const { real } = resolveLinks(path);
  const found = folders.state.flatMap((folder) => {
    const relation = relationTo(real, folder, folders.jobs);
    return relation === null ? [] : [{ real, folder, relation }];
  });
  // The clearest one: the spool is in the folder of the database.
  const clearest =
    found.find(({ relation }) => relation === "is") ??
    found.findLast(({ relation }) => relation === "lies in") ??
    found[0];
  if (clearest !== undefined) return { problem: problemOf(path, clearest) };
  return { source: real, ...protectJobs(real, folders.jobs) };
};

/** Returns whether a path is a folder or below it. */
export const isWithin = (path: string, folder: string): boolean =>
  folder === "/" || path === folder || path.startsWith(`${folder}/`);

type Relation = "is" | "contains" | "lies in";

const relationTo = (real: string, { what, path }: StateFolder, jobs: string | null): Relation | null => {
  const own = resolveLinks(path);
  if (real === own.real || isSame(real, own.real)) return "is";
  if (reaches(real, own)) return "contains";
  if (!liesIn(real, own.real)) return null;
  // By default the database is in the folder that contains JOBS_DIR, which containers can't change.
  const jobsDir = jobs === null ? null : resolveLinks(jobs).real;
  const isJobs = jobsDir !== null && jobsDir !== own.real && isWithin(jobsDir, own.real) && isWithin(real, jobsDir);
  return isJobs && what === "database" ? null : "lies in";
};

/** Returns whether a path contains a folder, or a link that leads there. */
const reaches = (path: string, { real, links }: ResolvedPath): boolean =>
  [real, ...links].some((place) => isWithin(place, path)) || ancestorsOf(real).some((folder) => isSame(folder, path));

const liesIn = (path: string, folder: string): boolean =>
  isWithin(path, folder) || ancestorsOf(path).some((ancestor) => isSame(ancestor, folder));

/** Returns the folders that contain a path. */
const ancestorsOf = (path: string): readonly string[] => {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...ancestorsOf(folder)];
};

/** Returns whether two paths lead to the same file or folder, which can be mounted in two places. */
const isSame = (path: string, other: string): boolean => {
  const [one, two] = [statOf(path), statOf(other)];
  return one !== null && two !== null && one.ino === two.ino && one.dev === two.dev;
};

const statOf = (path: string) => {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
};

const problemOf = (
  path: string,
  { real, folder, relation }: { readonly real: string; readonly folder: StateFolder; readonly relation: Relation },
): string => {
  const given = resolve(path);
  const subject = given === real ? given : `${given} leads to ${real}, which`;
  const own = `the folder of petit's ${folder.what}`;
  const where = relation === "is" ? own : `${own}, ${folder.path}`;
  return `${subject} ${relation} ${where}; expected a path that a container may reach`;
};

const protectJobs = (real: string, jobs: string | null): Pick<Mount, "isReadOnly" | "inner"> => {
  if (jobs === null) return { isReadOnly: false, inner: [] };
  const place = resolveLinks(jobs);
  // A link can't be protected but by its folder.
  if (liesIn(real, place.real) || place.links.some((link) => isWithin(link, real)))
    return { isReadOnly: true, inner: [] };
  if (!isWithin(place.real, real)) return { isReadOnly: reaches(real, place), inner: [] };
  const parts = relative(real, place.real).split("/");
  // Folders in which something is mounted can't be renamed, so the container can't put another folder in the place of JOBS_DIR.
  const paths = parts.map((_, index) => join(real, ...parts.slice(0, index + 1)));
  return { isReadOnly: false, inner: paths.map((path) => ({ path, isReadOnly: path === place.real })) };
};
