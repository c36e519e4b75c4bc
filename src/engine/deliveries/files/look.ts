import { constants } from "node:fs";
import { access, lstat, readdir, stat } from "node:fs/promises";
import type { FilePattern } from "../../../domain/deliveries/file-pattern.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { SeenFile } from "../../../store/triggers/seen-files.ts";

/** Maximum number of files that a trigger watches, and of folders. */
export const MAX_FILES = 10_000;
export const MAX_FOLDERS = 10_000;

/** How many files are asked about at once. */
const PARALLEL = 64;

/** A file that matches a pattern. */
export type MatchedFile = Omit<SeenFile, "digest" | "digestedCtime"> & {
  /** Absolute path. */
  readonly path: string;
  readonly size: number;
  /** Time of the last write (mtime), in ms since the Unix epoch. */
  readonly mtime: number;
  /** Time of the last change to its content or inode (ctime), in ms since the Unix epoch. Unlike the mtime, programs can't set it. */
  readonly ctime: number;
  /** The same in ns. */
  readonly ctimeNs: string;
  /** Ids of the patterns that match it. */
  readonly patterns: readonly string[];
};

/** State of a folder; it changes when an entry is added, removed or renamed. */
export type FolderState = { readonly device: string; readonly inode: string; readonly stamp: string };

export type FolderFault = {
  readonly folder: string;
  readonly fault: "folder_missing" | "folder_unreadable";
  /** A sentence. */
  readonly problem: string;
};

/** What is in the folders of a trigger. */
export type Look = {
  readonly files: readonly MatchedFile[];
  /** By path. */
  readonly folders: ReadonlyMap<string, FolderState>;
  /** About the folders that patterns begin with. */
  readonly faults: readonly FolderFault[];
  /** How many files match. If they are more than `files`, the others were left out. */
  readonly matches: number;
  /** True if there are more folders than `MAX_FOLDERS`. */
  readonly hasMoreFolders: boolean;
  /** Folders that can't be read now. What is below them may be there all the same. */
  readonly unreadable: ReadonlySet<string>;
  /** Paths of files and folders whose name is not UTF-8, with U+FFFD for the bytes that can't be decoded. */
  readonly misnamed: ReadonlySet<string>;
  /** False if a folder changed during the look, so that `files` may lack some. */
  readonly isComplete: boolean;
};

export type LookOptions = {
  readonly patterns: readonly FilePattern[];
  /** Called before a folder is listed, so that nothing is missed between the list and the first event. */
  readonly onFolder: (path: string) => void;
  /** Called when the system has answered. */
  readonly onProgress: () => void;
  /** Returns whether a file is known by its folder and its name. Known ones are looked at first. */
  readonly isKnownName: (folder: string, name: string) => boolean;
};

type Place = { readonly path: string; readonly names: readonly string[]; readonly patterns: readonly FilePattern[] };
type Match = {
  readonly folder: string;
  readonly folderInode: string;
  readonly name: string;
  readonly patterns: readonly string[];
};

/** Looks for the files of a trigger. Links are not followed, except by the way to the folder that a pattern begins with. */
export const lookForFiles = async (options: LookOptions): Promise<Look> => {
  const folders = new Map<string, FolderState>();
  const faults: FolderFault[] = [];
  const matches = new Map<string, Match>();
  const unreadable = new Set<string>();
  const misnamed = new Set<string>();
  let isComplete = true;
  let hasMoreFolders = false;
  for (const [base, patterns] of Map.groupBy(options.patterns, ({ folder }) => folder)) {
    const fault = await findFault(base);
    if (fault !== null) {
      faults.push(fault);
      unreadable.add(base);
      continue;
    }
    const places: Place[] = [{ path: base, names: [], patterns }];
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      if (folders.size >= MAX_FOLDERS && !folders.has(place.path)) {
        hasMoreFolders = true;
        break;
      }
      options.onFolder(place.path);
      const listed = await listFolder(place);
      options.onProgress();
      if (typeof listed === "string") {
        if (listed === "unreadable") unreadable.add(place.path);
        else if (mayBeMisnamed(place.path)) misnamed.add(place.path);
        else isComplete = false;
        continue;
      }
      folders.set(place.path, listed.state);
      for (const match of listed.matches) {
        const path = join(match.folder, match.name);
        const same = matches.get(path);
        matches.set(path, same === undefined ? match : { ...match, patterns: [...same.patterns, ...match.patterns] });
      }
      places.push(...listed.places);
    }
  }
  const files: MatchedFile[] = [];
  const chosen = choose([...matches.values()], options.isKnownName);
  for (let at = 0; at < chosen.length; at += PARALLEL) {
    const found = await Promise.all(chosen.slice(at, at + PARALLEL).map(findFile));
    options.onProgress();
    for (const [index, file] of found.entries()) {
      const match = chosen[at + index];
      if (match === undefined) continue;
      if (file === "unreadable") unreadable.add(match.folder);
      if (file === "gone" && mayBeMisnamed(match.name)) misnamed.add(join(match.folder, match.name));
      if (typeof file !== "string") files.push(file);
    }
  }
  return { files, folders, faults, matches: matches.size, hasMoreFolders, unreadable, misnamed, isComplete };
};

/** Returns what is wrong with a folder that a pattern begins with, or null. */
export const findFault = async (folder: string): Promise<FolderFault | null> => {
  try {
    if (!(await stat(folder)).isDirectory())
      return { folder, fault: "folder_missing", problem: `${folder} is not a folder` };
    await access(folder, constants.R_OK | constants.X_OK);
    return null;
  } catch (error) {
    if (isMissing(error)) return { folder, fault: "folder_missing", problem: `${folder} does not exist` };
    return { folder, fault: "folder_unreadable", problem: `${folder} can't be read: ${errorMessage(error)}` };
  }
};

/** Returns the state of a folder; null if it is missing or can't be read. */
export const readFolderState = async (path: string): Promise<FolderState | null> => {
  try {
    const { dev, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return { device: String(dev), inode: String(ino), stamp: `${dev}:${ino}:${mtimeNs}:${ctimeNs}` };
  } catch {
    return null;
  }
};

/** Returns the files that match among the entries of a folder, and the folders in it that can have more. */
const listFolder = async ({ path, names, patterns }: Place) => {
  const state = await readFolderState(path);
  if (state === null) return "gone";
  const matches: Match[] = [];
  const places: Place[] = [];
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const { name } = entry;
      if (!canMatch(name) || entry.isSymbolicLink()) continue;
      const below = [...names, name];
      if (entry.isDirectory()) {
        if (reachesInto(patterns, below)) places.push({ path: join(path, name), names: below, patterns });
        continue;
      }
      if (mayBeMisnamed(name) && !entry.isFile()) continue;
      const ids = idsOfMatches(patterns, below);
      if (ids.length > 0) matches.push({ folder: path, folderInode: state.inode, name, patterns: ids });
    }
  } catch (error) {
    return isMissing(error) ? "gone" : "unreadable";
  }
  return { state, matches, places };
};

/** Names that begin with a dot never match. */
export const canMatch = (name: string): boolean => !name.startsWith(".");

/**
 * Returns whether a name may not be UTF-8. Its invalid bytes became U+FFFD, so no file has that name, and a run could not open it.
 */
export const mayBeMisnamed = (name: string): boolean => name.includes("\ufffd");

export const reachesInto = (patterns: readonly FilePattern[], names: readonly string[]): boolean =>
  patterns.some(({ reaches }) => reaches(names));

export const idsOfMatches = (patterns: readonly FilePattern[], names: readonly string[]): readonly string[] =>
  patterns.filter(({ matches }) => matches(names)).map(({ id }) => id);

export const join = (folder: string, name: string): string => (folder === "/" ? `/${name}` : `${folder}/${name}`);

export const isBelow = (path: string, folder: string): boolean => namesBelow(folder, path) !== null;

/** Returns the names on the way from a folder to another path; null if it is not in it. */
export const namesBelow = (folder: string, path: string): readonly string[] | null => {
  if (path === folder) return [];
  const start = join(folder, "");
  return path.startsWith(start) ? path.slice(start.length).split("/") : null;
};

/** Returns the files to look at: those that are known, then others in the order of their names. */
const choose = (matches: readonly Match[], isKnownName: LookOptions["isKnownName"]): readonly Match[] => {
  if (matches.length <= MAX_FILES) return matches;
  const known = matches.filter(({ folder, name }) => isKnownName(folder, name));
  const others = matches.filter(({ folder, name }) => !isKnownName(folder, name));
  others.sort((a, b) => (join(a.folder, a.name) < join(b.folder, b.name) ? -1 : 1));
  return [...known, ...others].slice(0, MAX_FILES);
};

/** Returns what the system says of a file. It is `other` if it is no regular file, and `unreadable` if the system can't say it. */
export const findFile = async (match: Match): Promise<MatchedFile | "gone" | "folder" | "other" | "unreadable"> => {
  const { folder, folderInode, name, patterns } = match;
  const path = join(folder, name);
  try {
    const found = await lstat(path, { bigint: true });
    if (!found.isFile()) return found.isDirectory() ? "folder" : "other";
    const { ino, size, mtimeNs, mtimeMs, ctimeMs, ctimeNs } = found;
    const state = `${ino}:${size}:${mtimeNs}`;
    const times = { mtime: Number(mtimeMs), ctime: Number(ctimeMs), ctimeNs: String(ctimeNs) };
    return { path, folder, folderInode, name, stat: state, size: Number(size), ...times, patterns };
  } catch (error) {
    return isMissing(error) ? "gone" : "unreadable";
  }
};

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
