import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Unit } from "../../app/systemd/unit-file.ts";
import { runProgram } from "./systemctl.ts";

/**
 * Returns a warning for the executable and the job folder of a system service, if other users can replace it: they could decide what the
 * service runs. Trusted are root and the user of the service. Groups are trusted, because an administrator chose their members.
 */
export const replaceableWarnings = (
  { scope, exec, runAs }: Pick<Unit, "scope" | "exec" | "runAs">,
  jobsDir: string | null,
): readonly string[] => {
  if (scope === "user") return [];
  const trusted = new Set([0, Number(runProgram("id", ["-u", runAs]).stdout || 0)]);
  return [exec, ...(jobsDir === null ? [] : [jobsDir])].flatMap((path) => {
    const found = findReplaceable(path, trusted);
    return found === null ? [] : [`${found.who} can replace ${found.path}, and so decide what the service runs`];
  });
};

type Replaceable = { readonly path: string; readonly who: string };

/** Looks at a path and at all folders above it. Returns null if only trusted users can replace it, or if it is missing. */
const findReplaceable = (path: string, trusted: ReadonlySet<number>): Replaceable | null => {
  for (let at = realPath(path); at !== null; at = at === "/" ? null : dirname(at)) {
    const who = whoReplaces(statSync(at), trusted);
    if (who !== null) return { path: at, who };
  }
  return null;
};

const realPath = (path: string): string | null => {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
};

/** In a sticky folder, users can't replace what belongs to others. */
const whoReplaces = (stats: Stats, trusted: ReadonlySet<number>): string | null => {
  if (!trusted.has(stats.uid)) return `user ${stats.uid}`;
  const isOpen = (stats.mode & 0o002) !== 0 && !(stats.isDirectory() && (stats.mode & 0o1000) !== 0);
  return isOpen ? "every user of this machine" : null;
};
