import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { isatty } from "node:tty";
import { PetitError } from "../../../domain/errors.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { openRegular, readStart } from "../../../lib/files/regular-file.ts";
import { EXIT, Failure } from "../../exit.ts";
import { readStdin } from "../../terminal/terminal.ts";
import type { Fate } from "../imported.ts";

/** A crontab to import. */
export type CrontabSource = {
  /** Its path as given, or what stands for it in messages. */
  readonly file: string;
  readonly text: string;
  /** Whether its lines have a user column. */
  readonly system: boolean;
  /** What to know about the file itself. */
  readonly notes?: readonly string[];
};

/** The crontabs to import, and the files of a folder that are none. */
export type CrontabSources = { readonly crontabs: readonly CrontabSource[]; readonly ignored: readonly Fate[] };

const MAX_BYTES = 2 ** 20;

/** Reads the crontabs that an argument stands for: a file, all files of a folder, `-` for standard input, or nothing. */
export const readSources = async (
  source: string | undefined,
  { system: given }: { readonly system: boolean | null },
): Promise<CrontabSources> => {
  const system = given ?? false;
  if (source === undefined && isatty(0)) return alone({ file: "crontab -l", text: printCrontab(), system });
  if (source === undefined || source === "-")
    return alone({ file: "stdin", text: decode(await readStdin(MAX_BYTES), "stdin"), system });
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw new PetitError("not_found", `there is no file ${source}; expected a crontab`);
  if (stats.isDirectory()) return readFolder(source);
  return alone(readCrontab(source, { system: given ?? isSystemFile(source) }));
};

const alone = (crontab: CrontabSource): CrontabSources => ({ crontabs: [crontab], ignored: [] });

/** Returns whether cron itself expects a user column in a file. */
const isSystemFile = (path: string): boolean => /^\/etc\/(crontab|cron\.d\/[^/]+)$/.test(resolve(path));

const readFolder = (dir: string): CrontabSources => {
  const names = readdirSync(dir)
    .filter((name) => !name.startsWith("."))
    .sort();
  const paths = names.filter((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.isFile());
  const isRead = (name: string): boolean => /^[\w-]+$/.test(name);
  return {
    crontabs: paths.filter(isRead).map((name) => readCrontab(join(dir, name), { system: true })),
    ignored: paths.filter((name) => !isRead(name)).map((name) => ignoredFile(join(dir, name))),
  };
};

const ignoredFile = (file: string): Fate => ({
  file,
  line: 1,
  outcome: "left_out",
  jobId: null,
  notes: ["Debian's cron ignores files with such a name; name the file itself to import it"],
});

const readCrontab = (path: string, { system }: { readonly system: boolean }): CrontabSource => {
  const text = readFile(path);
  return { file: path, text, system, notes: isPipe(path) ? [] : notesOfMode(path, system) };
};

/** Says who can change a crontab if cron ignores it for that reason. A user's own copy of a crontab often has a mode for its group. */
const notesOfMode = (path: string, system: boolean): readonly string[] => {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o002) !== 0) return [`everybody ${IGNORED}`];
  return system && (mode & 0o020) !== 0 ? [`its group ${IGNORED}`] : [];
};

const IGNORED = "can change the crontab, which cron ignores for that reason";

const isPipe = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;

/** Reads a file, or a pipe such as a shell makes of `<(command)`. */
const readFile = (path: string): string => {
  if (isPipe(path)) return decode(readPipe(path), path);
  let fd: number | null;
  try {
    fd = openRegular(path);
  } catch (error) {
    throw new Failure(EXIT.FAILED, `${path} can't be read: ${errorMessage(error)}`);
  }
  if (fd === null) throw new Failure(EXIT.FAILED, `${path} is not a regular file; expected a crontab`);
  try {
    return decode(readStart(fd, MAX_BYTES + 1), path);
  } finally {
    closeSync(fd);
  }
};

/** Waits for the writer, and reads until it has closed the pipe or too much has come. */
const readPipe = (path: string): Uint8Array => {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
};

const printCrontab = (): string => {
  const { stdout, stderr, error } = spawnSync("crontab", ["-l"], { maxBuffer: MAX_BYTES });
  if (error !== undefined)
    throw new Failure(EXIT.FAILED, `\`crontab -l\` can't run: ${error.message}; name a file, or - for standard input`);
  if (stdout.length === 0 && stderr.length > 0)
    throw new Failure(EXIT.FAILED, `\`crontab -l\`: ${stderr.toString().trim()}`);
  return decode(stdout, "crontab -l");
};

const decode = (bytes: Uint8Array, file: string): string => {
  if (bytes.length > MAX_BYTES) throw new Failure(EXIT.FAILED, `${file} is larger than 1 MiB; expected a crontab`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    throw new Failure(EXIT.FAILED, `${file} is not UTF-8 text; expected a crontab`);
  }
  throw new Failure(EXIT.FAILED, `${file} contains a NUL character; expected a crontab`);
};
