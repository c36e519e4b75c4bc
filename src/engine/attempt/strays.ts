import { readdirSync } from "node:fs";
import { readText } from "../output/spool.ts";
import { statOf } from "./identity.ts";

/** A process group that runs an attempt. */
export type Stray = { readonly attemptId: number; readonly pgid: number };

/**
 * Returns the process groups of this machine that run attempts of a spool folder, without those that are `known`. They are left when the
 * database was deleted, or was replaced by an older one. A process belongs to the attempt that its wrapper, or its variable
 * `PETIT_OUTPUT`, names.
 */
export const findStrays = (spoolDir: string, isKnown: (attemptId: number) => boolean): readonly Stray[] => {
  const strays = new Map<number, Stray>();
  const own = statOf(process.pid)?.group;
  for (const pid of pidsOf("/proc")) {
    const attemptId = attemptOfProcess(pid, spoolDir);
    if (attemptId === null || isKnown(attemptId)) continue;
    const pgid = statOf(pid)?.group;
    if (pgid !== undefined && pgid > 1 && pgid !== own) strays.set(pgid, { attemptId, pgid });
  }
  return [...strays.values()];
};

const pidsOf = (folder: string): readonly number[] => {
  try {
    return readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
};

const attemptOfProcess = (pid: number, spoolDir: string): number | null => {
  const wrapper = readText(`/proc/${pid}/cmdline`)?.split("\0")[3] ?? "";
  const named = idIn(wrapper, { prefix: `${spoolDir}/`, suffix: "/status" });
  if (named !== null) return named;
  const variables = (readText(`/proc/${pid}/environ`) ?? "").split("\0");
  const output = variables.find((each) => each.startsWith(`PETIT_OUTPUT=${spoolDir}/`)) ?? "";
  return idIn(output, { prefix: `PETIT_OUTPUT=${spoolDir}/`, suffix: "/outputs" });
};

type Affixes = { readonly prefix: string; readonly suffix: string };

const idIn = (text: string, { prefix, suffix }: Affixes): number | null => {
  if (!text.startsWith(prefix) || !text.endsWith(suffix)) return null;
  const id = text.slice(prefix.length, -suffix.length);
  return /^\d{1,15}$/.test(id) ? Number(id) : null;
};
