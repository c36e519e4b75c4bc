import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** Returns the home folder of a user, or null if this machine does not know the user. */
export type HomeOf = (user: string) => string | null;

type Account = { readonly name: string; readonly home: string };

export const homeOf: HomeOf = (user) => findAccount(user)?.home ?? null;

/** Returns the name of the user who runs this command, from the user id and not from the environment; the id if it has no account. */
export const currentUser = (): string => {
  const id = process.geteuid?.() ?? -1;
  return findAccount(id)?.name ?? String(id);
};

/**
 * Finds a user by name or number: in the password file, then by `getent`, which also knows the users of a directory, then from the
 * system's own knowledge of the current user, because macOS has neither.
 */
const findAccount = (user: string | number): Account | null =>
  accountIn(passwordFile(), user) ?? accountIn(askDirectory(user), user) ?? currentAccount(user);

const askDirectory = (user: string | number): string =>
  spawnSync("getent", ["passwd", String(user)], { encoding: "utf8" }).stdout ?? "";

const currentAccount = (user: string | number): Account | null => {
  try {
    const { username, uid, homedir } = userInfo();
    return user === (typeof user === "number" ? uid : username) ? { name: username, home: homedir } : null;
  } catch {
    // The user id has no account, as in some containers.
    return null;
  }
};

const passwordFile = (): string => {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
};

const accountIn = (entries: string, user: string | number): Account | null => {
  const fields = entries.split("\n").map((line) => line.split(":"));
  const found = fields.find(([name, , uid]) => (typeof user === "number" ? uid === String(user) : name === user));
  return found?.[0] === undefined || found[5] === undefined ? null : { name: found[0], home: found[5] };
};
