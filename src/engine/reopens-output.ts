import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";

/** Names of a process's own output. To open one anew cuts a file, but not a pipe, which is what programs are used to. */
const OWN_OUTPUT = /\/dev\/std(?:out|err)\b|\/fd\/[12]\b/;

/** Scripts are smaller. */
const MAX_BYTES = 262_144;

/** Words of a command line in which a script is named: it itself, or behind its interpreter and an option of that. */
const WORDS = 3;

/** Whether the text of a program names its own output. Other than on Linux that is no file to be cut. */
export const reopensOutput = (argv: readonly string[], cwd: string, script: string | null): boolean => {
  if (process.platform !== "linux") return false;
  if ([script ?? "", ...argv].some((text) => OWN_OUTPUT.test(text))) return true;
  return argv.slice(0, WORDS).some((word) => OWN_OUTPUT.test(textOf(resolve(cwd, word))));
};

/** Of a small text file; empty where it is none. */
const textOf = (path: string): string => {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isFile() || stats.size > MAX_BYTES || isBinary(path)) return "";
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
};

/** Most programs are: a look at the first bytes costs less than all of them. */
const isBinary = (path: string): boolean => {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(ELF.length);
    readSync(fd, head, 0, head.length, 0);
    return head.equals(ELF);
  } finally {
    closeSync(fd);
  }
};

const ELF = Buffer.from("\x7fELF");
