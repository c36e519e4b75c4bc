import { whyNotRunAs } from "../engine/attempt/user/run-as.ts";
import type { Privileges } from "../jobfile/check/limits.ts";
import type { Settings } from "./settings/settings.ts";

/** Returns what tasks may be if this process is the petit that runs them. */
export const privilegesOf = ({ runAsAllowed }: Pick<Settings, "runAsAllowed">): Privileges => ({
  isRoot: process.geteuid?.() === 0,
  whyNotRunAs: (user) => whyNotRunAs(user, runAsAllowed),
});
