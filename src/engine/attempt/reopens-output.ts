import { closeSync, fstatSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { openRegular, readStart } from "../../lib/regular-file.ts";

/** Names of a process's own output. To open one anew cuts a file, but not a pipe, which is what programs are used to. */
const OWN_OUTPUT = /\/dev\/std(?:out|err)\b|\/fd\/[12]\b/;

/** Scripts are smaller. */
const MAX_BYTES = 262_144;

/** Words that may name a script: so many are looked up, and so much of a text is looked through for them. */
const MAX_WORDS = 30;
const MAX_TEXT = 16_384;
const MAX_NAME = 256;
const BETWEEN_WORDS = /[\s;|&()<>`"'=]+/;
const LIKE_A_FILE = /\/|\.\w+$/;

export type ProgramText = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Text of the program, where it is run from a file that is not there yet. */
  readonly script: string | null;
  /** The file of the program, where it is run by another one. */
  readonly file: string | null;
};

/**
 * Whether a program names its own output, as far as its text tells, and that of the scripts that it names: there is no
 * other way to know it before. Of these only those below its working directory are looked into: what else it names can
 * lie on a disk that doesn't answer, and petit must not wait for it. Other than on Linux its output is no file to be cut.
 */
export const reopensOutput = ({ argv, cwd, script, file }: ProgramText): boolean => {
  if (process.platform !== "linux") return false;
  const [program = "", ...args] = argv;
  const texts = [...argv, script ?? ""];
  if (texts.some((text) => OWN_OUTPUT.test(text))) return true;
  const words = new Set([...args, ...texts.flatMap(wordsLikeFiles)].filter(isBelow));
  const files = [program, file ?? program, ...[...words].slice(0, MAX_WORDS)];
  return files.some((name) => OWN_OUTPUT.test(textOf(resolve(cwd, name))));
};

const isBelow = (word: string): boolean => !isAbsolute(word) && !word.includes("..") && word.length < MAX_NAME;

const wordsLikeFiles = (text: string): readonly string[] =>
  text
    .slice(0, MAX_TEXT)
    .split(BETWEEN_WORDS)
    .filter((word) => LIKE_A_FILE.test(word));

/** Of a small text file; empty where it is none. */
const textOf = (path: string): string => {
  try {
    // Most words name nothing, and an error costs more than a look.
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return "";
    const fd = openRegular(path);
    if (fd === null) return "";
    try {
      // Most programs are binary: a look at the first bytes costs less than all of them.
      const isText = fstatSync(fd).size <= MAX_BYTES && !readStart(fd, ELF.length).equals(ELF);
      return isText ? readStart(fd, MAX_BYTES).toString("latin1") : "";
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
};

const ELF = Buffer.from("\x7fELF");
