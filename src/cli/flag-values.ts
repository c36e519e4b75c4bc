import { PetitError } from "../domain/errors.ts";
import { MOMENT_FORM, parseIso, parseMoment } from "../domain/time-span.ts";

type CountOptions = { readonly flag: string; readonly max: number };

/** Returns the number given with a flag, from 1 to `max`, or null if it isn't given. Throws `invalid_request` for other values. */
export const readCount = (text: string | undefined, { flag, max }: CountOptions): number | null => {
  if (text === undefined) return null;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected a whole number from 1 to ${max}`);
};

type TimeOptions = { readonly now: number; readonly zone: string; readonly flag?: string };

/** Returns the time that `--since` or another flag names, in ms since the Unix epoch: see `parseMoment`. */
export const parseSince = (text: string, { now, zone, flag = "--since" }: TimeOptions): number => {
  const at = parseMoment(text, { now, zone });
  if (at !== null) return at;
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected ${MOMENT_FORM}`);
};

/** Returns the time of a flag, in ms since the Unix epoch. Without an offset it is local time in `zone`. */
export const readTime = (flag: string, text: string, zone: string): number => {
  const at = parseIso(text, zone);
  if (at !== null) return at;
  const form = "an ISO 8601 time such as 2026-03-08, 2026-03-08T01:30 or 2026-03-08T01:30:00-05:00";
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected ${form}`);
};

/** Parses `name=value` pairs. The value may be empty or contain `=`. */
export const readParams = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new PetitError("invalid_request", `--param is '${text}'; expected NAME=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
