import { closeSync, fstatSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";

/** Names of a process's own output. Reopening one truncates a file, but not a pipe, which programs expect. */
const OWN_OUTPUT = /\/dev\/std(?:out|err)\b|\/fd\/[12]\b/;

/** Larger files are not scripts. */
const MAX_BYTES = 262_144;

/**
 * Limits of the search for scripts: words that are looked up, bytes of text that are searched, and length of a name.
 */
const MAX_WORDS = 30;
const MAX_TEXT = 16_384;
const MAX_NAME = 256;
const BETWEEN_WORDS = /[\s;|&()<>`"'=]+/;
const LIKE_A_FILE = /\/|\.\w+$/;

export type ProgramText = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Text of the program, if petit writes it to a file later. */
  readonly script: string | null;
  /** File of the program, if an interpreter runs it. */
  readonly file: string | null;
};

/**
 * Returns whether the text of a program, or of a script that it names, mentions the program's own output. There is no other
 * way to find out before it runs. Only scripts below the working directory are read: any other path may be on a disk that
 * does not respond, and petit must not block. Always false outside Linux, where reopening does not truncate.
 */
export const reopensOutput = ({ argv, cwd, script, file }: ProgramText): boolean => {
  if (process.platform !== "linux") return false;
  const [program = "", ...args] = argv;
  const texts = [...argv, script ?? ""];
  if (texts.some((text) => OWN_OUTPUT.test(text))) return true;
  const words = new Set([...args, ...texts.flatMap(wordsLikeFiles)].filter(isBelow));
  const files = new Set([program, file ?? program, ...[...words].slice(0, MAX_WORDS)]);
  return [...files].some((name) => mentionsOutput(resolve(cwd, name)));
};

/** A file that was searched. `version` changes with its content. */
type SearchedFile = { readonly version: string; readonly isFound: boolean };

/** The files that were searched last: jobs run the same programs again and again. */
const searched = new Map<string, SearchedFile>();
const MAX_SEARCHED = 1_000;

/** Returns whether a small text file mentions its own output. */
const mentionsOutput = (path: string): boolean => {
  const version = versionOf(path);
  if (version === null) return false;
  const known = searched.get(path);
  if (known?.version === version) return known.isFound;
  const isFound = OWN_OUTPUT.test(textOf(path));
  if (searched.size >= MAX_SEARCHED) searched.clear();
  searched.set(path, { version, isFound });
  return isFound;
};

/** Returns a text that changes with the content of a regular file, or null if there is no such file. */
const versionOf = (path: string): string | null => {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() ? `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}` : null;
  } catch {
    return null;
  }
};

const isBelow = (word: string): boolean => !isAbsolute(word) && !word.includes("..") && word.length < MAX_NAME;

const wordsLikeFiles = (text: string): readonly string[] =>
  text
    .slice(0, MAX_TEXT)
    .split(BETWEEN_WORDS)
    .filter((word) => LIKE_A_FILE.test(word));

/** Returns the content of a small text file, or an empty string. */
const textOf = (path: string): string => {
  try {
    const fd = openRegular(path);
    if (fd === null) return "";
    try {
      // Most programs are binary; their first bytes show that.
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
