import { execFileSync } from "node:child_process";
import { PetitError } from "../../domain/errors.ts";
import type { TaskUser } from "../../engine/attempt/task-user.ts";

/** Returns the user that tasks run as. Throws `invalid_request` if there is none, or if this process may not become that user. */
export const findTaskUser = (name: string): TaskUser => {
  if (process.geteuid?.() !== 0)
    throw wrong(`--user ${name} needs root: only root can run tasks as another user; start the worker with sudo`);
  const [uid, gid] = [idOf(name, "-u"), idOf(name, "-g")];
  try {
    execFileSync("setpriv", ["--version"], { stdio: "ignore" });
  } catch (cause) {
    throw wrong("--user needs the program setpriv, which is part of util-linux", cause);
  }
  return { name, uid, gid };
};

const idOf = (name: string, flag: "-u" | "-g"): number => {
  try {
    return Number(execFileSync("id", [flag, "--", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch (cause) {
    throw wrong(`--user is '${name}', but there is no such user on this machine`, cause);
  }
};

const wrong = (message: string, cause?: unknown): PetitError => new PetitError("invalid_request", message, { cause });
