import { chmodSync, chownSync, existsSync, writeFileSync } from "node:fs";
import type { Spool } from "../output/spool.ts";

/** A user that tasks run as instead of petit's own. */
export type TaskUser = { readonly name: string; readonly uid: number; readonly gid: number; readonly home: string };

/** Returns a command line that runs another one as a user, with the groups that the user has. */
export const asUser = ({ uid, gid }: TaskUser, argv: readonly string[]): readonly string[] => [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--init-groups",
  "--",
  ...argv,
];

/** Returns the variables that belong to a user. */
export const variablesOf = ({ name, home }: TaskUser): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
});

/** Gives a user the files that the process of an attempt reads and writes. The folder of the spool can be entered by others. */
export const giveSpool = (spool: Spool, { uid, gid }: TaskUser): void => {
  // The user can't create files there.
  writeFileSync(spool.outputs, "", { mode: 0o600, flag: "w" });
  writeFileSync(spool.result, "", { mode: 0o600, flag: "w" });
  for (const path of [spool.outputs, spool.result, spool.script, spool.stdin, spool.artifacts])
    if (existsSync(path)) chownSync(path, uid, gid);
  chmodSync(spool.artifacts, 0o700);
};
