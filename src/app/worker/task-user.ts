import { PetitError } from "../../domain/errors.ts";
import type { TaskUser } from "../../engine/attempt/user/task-user.ts";
import { findAccount } from "../../lib/system/accounts.ts";
import { findTool } from "../../lib/system/tools.ts";

/** Returns the user that tasks run as. Throws `invalid_request` if there is none, or if this process may not become that user. */
export const findTaskUser = (name: string): TaskUser => {
  if (process.geteuid?.() !== 0)
    throw wrong(`--user ${name} needs root: only root can run tasks as another user; start the worker with sudo`);
  const account = findAccount(name);
  if (account === null) throw wrong(`--user is '${name}', but there is no such user on this machine`);
  const setpriv = findTool("setpriv");
  if (setpriv === null) throw wrong("--user needs the program setpriv, which is part of util-linux");
  return { ...account, setpriv };
};

const wrong = (message: string): PetitError => new PetitError("invalid_request", message);
