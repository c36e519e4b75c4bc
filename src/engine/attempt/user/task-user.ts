import { chmodSync, chownSync, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Spool } from "../../output/spool.ts";
import type { ProcessCommand } from "../process.ts";

/** A user that tasks run as instead of petit's own. */
export type TaskUser = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** The login shell. */
  readonly shell: string;
  /** The path of the program that becomes the user. A job may have a PATH of its own. */
  readonly setpriv: string;
};

/**
 * Variables by which a job could have the shell, the dynamic linker, or what looks up users and their groups, run its code or read its files
 * before that is done as the user. See "Secure-execution mode" in ld.so(8).
 */
const RUNS_CODE =
  /^(?:LD_|BASH_|GLIBC_|MALLOC_|LDAP|KRB5|SASL_|DBUS_|SYSTEMD_|NSS_|GCONV_PATH$|GETCONF_DIR$|LOCPATH$|NLSPATH$|NIS_PATH$|HOSTALIASES$|LOCALDOMAIN$|RES_OPTIONS$|RESOLV_HOST_CONF$|TZDIR$|ENV$|SHELLOPTS$|PS4$)/;

/** A shell script that gives the pipes of a program that reopens its output to the user `$0`, and goes on as the command of its arguments. */
const GIVE_PIPES = `for PETIT_FD in 1 2; do
  [ ! -p /proc/self/fd/$PETIT_FD ] || (PATH=/usr/bin:/bin; exec chown "$0" /proc/self/fd/$PETIT_FD)
done
exec "$@"`;

/** Returns a command that runs another one as a user, with the groups that the user has. */
export const asUser = ({ uid, gid, setpriv }: TaskUser, command: ProcessCommand): ProcessCommand => {
  const variables = Object.entries(command.environment);
  const later = variables.filter(([name]) => RUNS_CODE.test(name)).map(([name, value]) => `${name}=${value}`);
  return {
    ...command,
    argv: [
      ...(command.reopensOutput === true ? ["/bin/sh", "-c", GIVE_PIPES, String(uid)] : []),
      ...[setpriv, `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--"],
      ...(later.length === 0 ? [] : ["/usr/bin/env", ...later]),
      ...command.argv,
    ],
    environment: Object.fromEntries(variables.filter(([name]) => !RUNS_CODE.test(name))),
  };
};

/** Returns the variables that belong to a user. */
export const variablesOf = ({ name, home, shell }: TaskUser): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
  SHELL: shell,
});

/** Variables that name folders, files and sockets of the user who started petit. */
const OF_SESSION =
  /^(?:XDG_(?:RUNTIME_DIR|(?:CONFIG|CACHE|DATA|STATE)_HOME|SESSION_.*)|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK|GPG_AGENT_INFO|KRB5CCNAME|XAUTHORITY|TMPDIR|OLDPWD|MAIL|SUDO_.*)$/;

/** Returns the variables that a user inherits of petit. */
export const inheritedBy = (
  user: TaskUser,
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(environment).filter(([name]) => !OF_SESSION.test(name))),
  ...variablesOf(user),
});

/** Lets other users pass through the spool folder. The names of its files are not secret, and all of them are private, except those that tasks use. */
export const openToOthers = (spoolDir: string): void => {
  if ((statSync(spoolDir).mode & 0o777) !== 0o711) chmodSync(spoolDir, 0o711);
};

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
