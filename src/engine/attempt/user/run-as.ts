import { type Account, findAccount } from "../../../lib/system/accounts.ts";
import { missingCapabilities } from "../../../lib/system/capabilities.ts";
import { findTool } from "../../../lib/system/tools.ts";
import { SpawnError } from "../spawn-error.ts";
import type { TaskUser } from "./task-user.ts";

/** Returns the user that `run_as` names. Throws SpawnError if tasks may not run as that user; `allowed` is the setting `run_as_allowed`. */
export const findRunAs = (runAs: string, allowed: readonly string[]): TaskUser => {
  const account = judge(runAs, allowed);
  if (typeof account === "string") throw new SpawnError("EPERM", account);
  const setpriv = findTool("setpriv");
  if (setpriv === null)
    throw new SpawnError(
      "ENOENT",
      "run_as needs the program setpriv, which is not on this machine; install util-linux",
    );
  return { ...account, setpriv };
};

/** Returns why tasks may not run as a user, or null. */
export const whyNotRunAs = (runAs: string, allowed: readonly string[]): string | null => {
  const account = judge(runAs, allowed);
  return typeof account === "string" ? account : null;
};

/** Returns the user of an attempt that has been started, whatever is allowed by now. Null if there is no such user any more. */
export const findStartedAs = (runAs: string): TaskUser | null => {
  const account = findAccount(runAs);
  return account === null ? null : { ...account, setpriv: findTool("setpriv") ?? "setpriv" };
};

/** What it takes to start processes of other users, to give them files, to read theirs, and to end the processes. */
const NEEDED = ["CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"] as const;

/** Users are compared as accounts: `run_as: 33` is allowed where `www-data` is, if that is its id. */
const judge = (runAs: string, allowed: readonly string[]): Account | string => {
  if (process.geteuid?.() !== 0) return `run_as needs petit to run as root; expected that, or no run_as`;
  const missing = missingCapabilities(NEEDED);
  if (missing.length > 0)
    return `run_as needs ${missing.join(", ")}, which petit lacks although it is root; expected them in CapabilityBoundingSet= of its unit`;
  const account = findAccount(runAs);
  if (account === null) return `there is no user '${runAs}' on this machine`;
  if (allowed.includes(account.name) || allowed.includes(String(account.uid))) return account;
  const users = allowed.length === 0 ? "which lists none" : `which lists ${allowed.join(", ")}`;
  return `tasks may not run as '${runAs}'; expected a user of the setting run_as_allowed, ${users}`;
};
