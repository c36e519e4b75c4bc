import { chmodSync, chownSync, existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Spool } from "../output/spool.ts";
import type { ProcessCommand } from "./process.ts";

/** A user that tasks run as instead of petit's own. */
export type TaskUser = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** The path of the program that becomes the user. A job may have a PATH of its own. */
  readonly setpriv: string;
};

/** Variables by which a job could have the shell, or the dynamic linker, run its code before that is done as the user. */
const RUNS_CODE = /^(?:LD_|BASH_|GLIBC_|MALLOC_|GCONV_PATH$|LOCPATH$|NLSPATH$|ENV$|SHELLOPTS$|PS4$)/;

/** Returns a command that runs another one as a user, with the groups that the user has. */
export const asUser = ({ uid, gid, setpriv }: TaskUser, command: ProcessCommand): ProcessCommand => {
  const variables = Object.entries(command.environment);
  const later = variables.filter(([name]) => RUNS_CODE.test(name)).map(([name, value]) => `${name}=${value}`);
  return {
    ...command,
    argv: [
      ...[setpriv, `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--"],
      ...(later.length === 0 ? [] : ["/usr/bin/env", ...later]),
      ...command.argv,
    ],
    environment: Object.fromEntries(variables.filter(([name]) => !RUNS_CODE.test(name))),
  };
};

/** Returns the variables that belong to a user. */
export const variablesOf = ({ name, home }: TaskUser): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
});

/** Gives a user the files that the process of an attempt reads and writes. The folders that contain them can be entered by others. */
export const giveSpool = (spool: Spool, { uid, gid }: TaskUser): void => {
  // The user can't create files there.
  writeFileSync(spool.outputs, "", { mode: 0o600, flag: "w" });
  writeFileSync(spool.result, "", { mode: 0o600, flag: "w" });
  for (const path of [spool.outputs, spool.result, spool.script, spool.stdin, spool.event, spool.artifacts])
    if (existsSync(path)) chownSync(path, uid, gid);
  chmodSync(dirname(spool.artifacts), 0o711);
  chmodSync(spool.artifacts, 0o700);
};
