import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Where programs of the system are, if the search path lacks them. */
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** Returns the absolute path of a program of the system that this process itself uses, by its own search path; null if there is none. */
export const findTool = (name: string): string | null => {
  const own = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  return [...own, ...FOLDERS].map((folder) => join(folder, name)).find(isExecutable) ?? null;
};

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};
