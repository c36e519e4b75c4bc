import { readFileSync } from "node:fs";
import { EVENT_FILE } from "../../engine/workers/offers/shipped-files.ts";
import { type Json, parseExactly } from "../../lib/json.ts";
import type { LocalFiles } from "./local-job.ts";

/** Returns the event that came with an offer; null if its run was started by none. */
export const readShippedEvent = (files: LocalFiles["files"]): Json => {
  const path = files.get(EVENT_FILE);
  return path === undefined ? null : parseExactly(readFileSync(path, "utf8"));
};
