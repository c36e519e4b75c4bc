import { execFileSync } from "node:child_process";
import { PetitError } from "../../domain/errors.ts";
import type { TaskUser } from "../../engine/attempt/task-user.ts";

/** Returns the user that tasks run as. Throws `invalid_request` if there is none, or if this process may not become that user. */
export const findTaskUser = (name: string): TaskUser => {
  if (process.geteuid?.() !== 0)
    throw wrong(`--user ${name} needs root: only root can run tasks as another user; start the worker with sudo`);
  return { ...findUser(name), setpriv: findSetpriv() };
};

const findSetpriv = (): string => {
  try {
    return execFileSync("/bin/sh", ["-c", "command -v setpriv"], { encoding: "utf8" }).trim();
  } catch (cause) {
    throw wrong("--user needs the program setpriv, which is part of util-linux", cause);
  }
};

const findUser = (name: string): Omit<TaskUser, "setpriv"> => {
  try {
    const entry = execFileSync("getent", ["passwd", "--", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [found = "", , uid, gid, , home = "/"] = entry.trim().split(":");
    return { name: found, uid: Number(uid), gid: Number(gid), home };
  } catch (cause) {
    throw wrong(`--user is '${name}', but there is no such user on this machine`, cause);
  }
};

const wrong = (message: string, cause?: unknown): PetitError => new PetitError("invalid_request", message, { cause });
