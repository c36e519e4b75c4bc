import { PetitError } from "../domain/errors.ts";
import { parseDuration } from "../lib/duration.ts";
import { parseIso } from "./terminal/local-time.ts";

type CountOptions = { readonly flag: string; readonly max: number };

/** Returns the number given with a flag, from 1 to `max`, or null if it isn't given. Throws `invalid_request` for other values. */
export const readCount = (text: string | undefined, { flag, max }: CountOptions): number | null => {
  if (text === undefined) return null;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected a whole number from 1 to ${max}`);
};

type TimeOptions = { readonly now: number; readonly zone: string; readonly flag?: string };

/** Returns the time that `--since` or another flag names, in ms since the Unix epoch: a time, or a duration before now. */
export const parseSince = (text: string, { now, zone, flag = "--since" }: TimeOptions): number => {
  const durationMs = parseDuration(text.replace(/ ago$/, ""));
  const at = durationMs === null ? parseIso(text, zone) : now - durationMs;
  if (at !== null) return Math.max(0, at);
  const form = 'a duration such as 10m or 1h30m, or a time such as 2026-03-08T01:30 or "2026-03-08 01:30:00"';
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected ${form}`);
};
