import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

/** The first uid of people's accounts in Linux distributions (`UID_MIN` of login.defs(5)). */
const FIRST_UID = 1000;

/** The uid of `nobody`. */
const NOBODY = 65_534;

const TIMEOUT_MS = 2_000;

/** Returns the names of the accounts that people can log in with: uid 1000 or more, and a shell. */
export const listLoginAccounts = async (): Promise<readonly string[]> => loginAccountsIn(await readAccounts());

/** Returns the same from the text of a passwd(5) file. */
const loginAccountsIn = (passwd: string): readonly string[] =>
  passwd.split("\n").flatMap((line) => {
    const [name = "", , uid = "", , , , shell = ""] = line.split(":");
    const isPerson = Number(uid) >= FIRST_UID && Number(uid) !== NOBODY;
    return name !== "" && isPerson && !/\/(nologin|false|sync)$/.test(shell) ? [name] : [];
  });

/** Asks the system, because accounts can be in a directory such as LDAP. Systems without `getent` have only the file. */
const readAccounts = (): Promise<string> =>
  new Promise((settle) => {
    execFile("getent", ["passwd"], { timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 }, (error, stdout) =>
      settle(error === null ? stdout : readPasswd()),
    );
  });

const readPasswd = (): string => {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
};
