import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

/** The job files and the unreadable entries below a folder; paths are relative to it and sorted. */
export type Listing = {
  readonly files: readonly string[];
  readonly failures: readonly { readonly file: string; readonly message: string }[];
  /** True if a file or a folder among them is a symlink. */
  readonly hasLinks: boolean;
};

/** Returns whether a file has a name of job files. Those of tests, which are beside them, are none. */
const isJobFileName = (name: string): boolean => YAML.test(name) && !isTestFileName(name);

/** Returns whether a file has a name of test files: `*.test.yaml` or `*.test.yml`. */
export const isTestFileName = (name: string): boolean => /\.test\.ya?ml$/.test(name);

const YAML = /\.ya?ml$/;

/** Lists the job files, or those that `isWanted` accepts by their names, recursively. Skips names that begin with `.`; follows symlinks, but visits each folder once, by its own path if it has one. */
export const listFiles = async (
  root: string,
  isWanted: (name: string) => boolean = isJobFileName,
): Promise<Listing> => {
  const files: string[] = [];
  const failures: { file: string; message: string }[] = [];
  const seen = new Set<string>();
  /** Symlinks to folders, which are followed when all other folders have been visited. */
  const links: string[] = [];
  let hasLinks = false;

  const visit = async (relative: string): Promise<void> => {
    const real = await realpath(join(root, relative));
    if (seen.has(real)) return;
    seen.add(real);
    for (const entry of await readdir(join(root, relative), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const isLink = entry.isSymbolicLink();
      const isDirectory = entry.isDirectory() || (isLink && (await isFolder(join(root, path))));
      if (!isDirectory && !isWanted(entry.name)) continue;
      hasLinks ||= isLink;
      if (isDirectory && isLink) links.push(path);
      else if (isDirectory) await attempt(path);
      else files.push(path);
    }
  };
  const attempt = async (path: string): Promise<void> => {
    try {
      await visit(path);
    } catch (error) {
      failures.push({ file: path === "" ? "." : path, message: describeFailure(error) });
    }
  };
  await attempt("");
  // Those that are found on the way are appended.
  for (const path of links) await attempt(path);
  return { files: files.sort(), failures, hasLinks };
};

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
};

/** Formats a read error, for example `can't be read (EACCES: permission denied)`. */
export const describeFailure = (error: unknown): string => {
  // The problem already names the path.
  const [text] = String(error instanceof Error ? error.message : error).split(", ");
  return `can't be read (${text}); expected a file or folder that petit may read`;
};
