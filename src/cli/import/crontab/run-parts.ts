import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** A line that runs the scripts of a folder, and these scripts now, in the order of `run-parts`. */
export type RunParts = {
  /** The folder that the line changes to first; null if it changes to none. */
  readonly workingDir: string | null;
  readonly folder: string;
  /** What the line runs `run-parts` by, such as `nice`. Empty if by nothing. */
  readonly wrapper: readonly string[];
  readonly scripts: readonly string[];
};

/** Splits the command of a line, or says why it can't be split. Null if it does not run `run-parts`. */
export const splitRunParts = (command: string): RunParts | string | null => {
  if (!/(?:^|[\s;&{(/])run-parts\s/.test(command)) return null;
  const [, anacron, inner = command] = ANACRON.exec(command) ?? [];
  const [, workingDir, nice = "", folder] = LINE.exec(inner.trim()) ?? [];
  if (folder === undefined) return "it does more than run-parts; it stays one task";
  if (anacron !== undefined && existsSync(anacron))
    return `it does nothing because ${anacron} exists; it stays one task`;
  const scripts = listScripts(folder);
  if (scripts === null) return `${folder} can't be read; it stays one task`;
  if (scripts.length === 0) return `${folder} has no script; it stays one task`;
  return { workingDir: workingDir ?? null, folder, wrapper: nice.split(/\s+/).filter((word) => word !== ""), scripts };
};

/** What Debian's /etc/crontab writes around a line that anacron runs if it is installed. */
const ANACRON = /^\s*test\s+-x\s+(\/\S+anacron)\s*\|\|\s*[({]\s*(.*?)\s*;?\s*[)}]\s*$/s;

const LINE =
  /^(?:cd\s+(\/[\w./-]*)\s*(?:&&|;)\s*)?(nice(?:\s+-n\s*-?\d+|\s+-\d+)?\s+)?(?:\/usr\/bin\/|\/bin\/)?run-parts\s+(?:(?:--report|--verbose|-v|--)\s+)*(\/[\w./-]+)$/;

/** Asks the machine's own `run-parts`; without one, the names are those of Debian's. Null if the folder can't be read. */
const listScripts = (folder: string): readonly string[] | null => {
  const { status, stdout } = spawnSync("run-parts", ["--test", folder], { encoding: "utf8" });
  if (status === 0)
    return stdout
      .split("\n")
      .filter((line) => line.startsWith("/"))
      .filter(isProgram);
  try {
    const names = readdirSync(folder).filter((name) => /^[\w-]+$/.test(name));
    return names
      .sort()
      .map((name) => join(folder, name))
      .filter(isProgram);
  } catch {
    return null;
  }
};

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};
