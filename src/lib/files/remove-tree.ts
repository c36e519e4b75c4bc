import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Deletes a file, or a folder with everything in it, without following links. Folders in which nothing can be deleted are made
 * writable. Never rejects; returns whether it is gone.
 */
export const removeTree = async (path: string): Promise<boolean> => {
  if (await tryRemove(path)) return true;
  await makeWritable(path);
  return await tryRemove(path);
};

const tryRemove = async (path: string): Promise<boolean> => {
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
};

const makeWritable = async (folder: string): Promise<void> => {
  try {
    await chmod(folder, 0o700);
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  } catch {
    // Deleting it will fail, too.
  }
};
