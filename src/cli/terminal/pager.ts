import { spawnSync } from "node:child_process";
import type { Terminal } from "./terminal.ts";

type PagerOptions = {
  readonly terminal: Pick<Terminal, "out">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** False for `--no-pager`. */
  readonly isWanted: boolean;
};

/** What `less` does, if LESS does not say it: quit if the text fits, keep colours, leave the text on the screen. */
const LESS = "FRX";

/**
 * Writes a text. On a terminal that is too low for it, shows it in `$PAGER`, or else in less, as git does. An empty PAGER and `cat` mean
 * none; if the pager can't be run, the text is written as it is.
 */
export const writePaged = (text: string, { terminal: { out }, environment, isWanted }: PagerOptions): void => {
  const pager = environment.PAGER ?? "less";
  const isLong = text.split("\n").length > out.rows();
  if (!isWanted || !out.movesCursor || !isLong || ["", "cat"].includes(pager.trim()) || !show(text, pager, environment))
    out.write(text);
};

/** The shell exits with these if it can't run a program. */
const NOT_RUN = [126, 127];

/** Returns false if the pager can't be run. Ctrl-C is for the pager: petit ends after it. */
const show = (text: string, pager: string, environment: PagerOptions["environment"]): boolean => {
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  try {
    const { status, error } = spawnSync("/bin/sh", ["-c", pager], {
      input: text,
      stdio: ["pipe", "inherit", "inherit"],
      env: { LESS, ...environment },
    });
    const hasNotStarted = error !== undefined && "code" in error && error.code === "ENOENT";
    return !hasNotStarted && !(status !== null && NOT_RUN.includes(status));
  } finally {
    process.off("SIGINT", ignore);
  }
};
