import { chmodSync, chownSync, existsSync } from "node:fs";
import type { Spool } from "../output/spool.ts";

/** A user that tasks run as instead of petit's own. */
export type TaskUser = { readonly name: string; readonly uid: number; readonly gid: number };

/** Returns a command line that runs another one as a user, with the groups that the user has. */
export const asUser = ({ uid, gid }: TaskUser, argv: readonly string[]): readonly string[] => [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--init-groups",
  "--",
  ...argv,
];

/** Gives a user the files that the process of an attempt reads and writes. The folder of the spool can be entered by others. */
export const giveSpool = (spool: Spool, { uid, gid }: TaskUser): void => {
  for (const path of [spool.script, spool.stdin, spool.artifacts]) if (existsSync(path)) chownSync(path, uid, gid);
  chmodSync(spool.artifacts, 0o700);
};
