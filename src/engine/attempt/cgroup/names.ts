import type { Attempt } from "../../../domain/task-run.ts";
import { databaseName } from "../container/engine.ts";

/** Name of the folder that petit itself sits in, beside those of its attempts. */
export const LEAF = "petit";

/** What the names of the folders of all attempts of one spool folder begin with. Two petits of a machine have different ones. */
export const prefixOf = (spoolDir: string): string => `petit-${databaseName(spoolDir)}-`;

/**
 * Returns the name of the folder of an attempt. The ids of a new database begin at 1 again while processes of the old one may still
 * run, so the name also has the start of the attempt.
 */
export const nameOf = (spoolDir: string, { id, startedAt }: Pick<Attempt, "id" | "startedAt">): string =>
  `${prefixOf(spoolDir)}${id}-${startedAt.toString(36)}`;

/** Returns whether a folder is that of an attempt of any petit. */
export const isOfAttempt = (name: string): boolean => /^petit-[0-9a-f]{8}-\d+-[0-9a-z]+$/.test(name);
