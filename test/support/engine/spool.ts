import { mkdirSync } from "node:fs";
import { type Spool, spoolOf } from "../../../src/engine/output/spool.ts";

/** Returns the spool of an attempt, with its folder. */
export const makeSpool = (dir: string, attemptId: number): Spool => {
  const spool = spoolOf(dir, attemptId);
  mkdirSync(`${dir}/${attemptId}`, { recursive: true });
  return spool;
};
