import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** An entry of passwd(5). */
export type Account = {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
};

const TIMEOUT_MS = 5_000;

/** Returns the account with a name or a numeric id, or null. Asks the system if the file has none: accounts can be in a directory such as LDAP. */
export const findAccount = (user: string): Account | null =>
  accountIn(readPasswd(), user) ?? accountIn(askSystem(user), user);

/** Returns the account from the text of a passwd(5) file. */
const accountIn = (passwd: string, user: string): Account | null => {
  const isNumber = /^\d+$/.test(user);
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = "", shell = ""] = line.split(":");
    if (!isId(uid) || !isId(gid)) continue;
    if (isNumber ? Number(uid) === Number(user) : name === user)
      return { name, uid: Number(uid), gid: Number(gid), home: home || "/", shell: shell || "/bin/sh" };
  }
  return null;
};

/** The largest number of 32 bits stands for no user. */
const isId = (text: string): boolean => /^\d+$/.test(text) && Number(text) < 2 ** 32 - 1;

const readPasswd = (): string => {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
};

const askSystem = (user: string): string => {
  try {
    return execFileSync("getent", ["passwd", "--", user], {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
};
