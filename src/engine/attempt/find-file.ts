import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { SpawnError } from "./spawn-error.ts";

/** Returns the path of a file that a task names: in the job file's folder, otherwise in the working directory. Throws SpawnError. */
export const findFile = (
  what: "script" | "file",
  name: string,
  { folder, cwd }: { readonly folder: string; readonly cwd: string },
): string => {
  const found = [folder, cwd].map((dir) => resolve(dir, name)).find((path) => existsSync(path));
  if (found === undefined) throw new SpawnError("ENOENT", `${what} '${name}' is neither in ${folder} nor in ${cwd}`);
  return found;
};
