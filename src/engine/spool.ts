import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where one attempt leaves what it says, until that is stored. */
export type Spool = {
  readonly dir: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `key=value` lines for the tasks after it. */
  readonly outputs: string;
  /** Text of the program, where it is run from a file. */
  readonly script: string;
  readonly stdin: string;
  /** Written by the shell around the program, before it starts that: its line of /proc. */
  readonly pid: string;
  /** Written by the shell around the program, when that has ended: its exit status. */
  readonly exit: string;
};

export const spoolOf = (spoolDir: string, attemptId: number): Spool => {
  const dir = join(spoolDir, String(attemptId));
  return {
    dir,
    stdout: join(dir, "stdout"),
    stderr: join(dir, "stderr"),
    outputs: join(dir, "outputs"),
    script: join(dir, "script"),
    stdin: join(dir, "stdin"),
    pid: join(dir, "pid"),
    exit: join(dir, "exit"),
  };
};

/** A fresh folder with what the process reads. A folder of that number that lies there is nobody's. */
export const makeSpool = (
  spool: Spool,
  texts: { readonly script: string | null; readonly stdin: string | null },
): void => {
  try {
    mkdirSync(spool.dir, { mode: 0o700 });
  } catch {
    removeSpool(spool);
    mkdirSync(spool.dir, { mode: 0o700, recursive: true });
  }
  if (texts.script !== null) writeFileSync(spool.script, texts.script, { mode: 0o600 });
  if (texts.stdin !== null) writeFileSync(spool.stdin, texts.stdin, { mode: 0o600 });
  closeSync(openSync(spool.outputs, "w", 0o600));
};

/** First out of the way: a process that had not started yet must not find its folder any more. */
export const removeSpool = (spool: Spool): void => {
  try {
    const gone = `${spool.dir}.gone`;
    renameSync(spool.dir, gone);
    rmSync(gone, { recursive: true, force: true });
  } catch {
    rmSync(spool.dir, { recursive: true, force: true });
  }
};

/** The exit status that the shell wrote; null while there is none. */
export const readExitStatus = (spool: Spool): number | null => {
  const text = readText(spool.exit);
  return text !== null && /^\d+\n$/.test(text) ? Number(text) : null;
};

export const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};
