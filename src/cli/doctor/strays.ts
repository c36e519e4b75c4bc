import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { signalGroup, terminate } from "../../engine/attempt/process.ts";
import { findStrays, type Stray } from "../../engine/attempt/strays.ts";
import { pluralize } from "../../lib/text.ts";
import { readLostAttempts } from "../../store/database/lost-attempts.ts";
import { MEMORY } from "../../store/database/open.ts";
import { readDatabase } from "../../store/database/read-only.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import { isLost } from "../../store/identity.ts";
import type { Context } from "../command.ts";
import { type Check, firstLines, warning } from "./check.ts";

/** Checks for processes of runs that were lost in a restore. Omitted if there are none. */
export const straysCheck = (context: Context): readonly Check[] => {
  const strays = listStrays(context);
  if (strays.length === 0) return [];
  const message =
    `${pluralize(strays.length, "process group")} of runs that the restored database does not know:\n` +
    firstLines(strays.map(strayText), 10);
  return [warning("strays", { message, hint: `wait for their end, or: ${endStraysCommand(context)}` })];
};

/** Ends processes of runs that were lost in a restore. Returns those that were there, and which of them could not be ended. */
export const endStrays = async (
  context: Context,
): Promise<{ readonly ended: readonly Stray[]; readonly left: readonly Stray[] }> => {
  const { clock, settings } = context;
  const strays = listStrays(context);
  const forceKill = new AbortController().signal;
  const termination = { clock, graceMs: settings.killGraceMs, forceKill };
  await Promise.all(strays.map(({ pgid }) => terminate(pgid, termination)));
  const left = new Set(listStrays(context).flatMap(({ pgid }) => (signalGroup(pgid, 0) ? [pgid] : [])));
  return {
    ended: strays.filter(({ pgid }) => !left.has(pgid)),
    left: strays.filter(({ pgid }) => left.has(pgid)),
  };
};

/** Returns nothing if the database can't be read, which another check reports. */
const listStrays = ({ settings: { db }, runtime }: Context): readonly Stray[] => {
  const spoolDir = db === MEMORY ? null : resolve(siblingFile(db, "-spool"));
  if (spoolDir === null || !existsSync(spoolDir) || !existsSync(db)) return [];
  try {
    const lost = readDatabase({ path: db, runtime }, (database) => readLostAttempts(database, db));
    return lost.length === 0 ? [] : findStrays({ spoolDir }, (attemptId) => isLost(attemptId, lost));
  } catch {
    return [];
  }
};

export const strayText = ({ pgid, jobId, runId }: Stray): string =>
  `process ${pgid}, run ${runId ?? "unknown"} of job '${jobId ?? "unknown"}'`;

export const endStraysCommand = ({ settings: { db } }: Context): string => `petit doctor --end-strays --db ${db}`;
