import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Spool, spoolOf, targetOf } from "../../../src/engine/output/spool.ts";

/** Returns the spool of an attempt, with its folder. */
export const makeSpool = (dir: string, attemptId: number): Spool => {
  const spool = spoolOf(dir, attemptId);
  mkdirSync(spool.artifacts, { recursive: true });
  return spool;
};

/** Returns the names in a spool folder, except for what waits for later attempts. */
export const spooledIn = (dir: string): readonly string[] => {
  const names = existsSync(dir) ? readdirSync(dir).sort() : [];
  const free = names.filter((name) => name.startsWith("free-"));
  const targets = free.map((name) => targetOf(join(dir, name)));
  return names.filter((name) => !free.includes(name) && !targets.includes(join(dir, name)));
};
