import { defaultZone } from "../../app/settings/settings.ts";
import { PetitError } from "../../domain/errors.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../../lib/duration.ts";
import { usageError } from "../argv.ts";
import type { Context } from "../command.ts";
import { readTime } from "../flag-values.ts";

const DEFAULT_FOR_MS = 86_400_000;
const MAX_FOR_MS = 31 * 86_400_000;

/** 0.001 passes a minute in 17 hours; with more, the machine decides. */
const SPEED = { min: 0.001, max: 1_000_000 };

/** The flags of a dry run. */
export const DRY_RUN_ARGS = {
  "dry-run": { type: "boolean", description: "Start nothing, and print what would have started." },
  at: {
    type: "string",
    valueHint: "ISO",
    description: "When a dry run begins, such as 2027-03-28 or 2027-03-28T01:55, in petit's time zone. [default: now]",
  },
  for: {
    type: "string",
    valueHint: "DURATION",
    description: `How long a dry run lasts by its clock, at most ${formatDuration(MAX_FOR_MS)}. [default: ${formatDuration(DEFAULT_FOR_MS)}]`,
  },
  speed: {
    type: "string",
    valueHint: "N",
    description: "How many times faster than in reality the time of a dry run passes. [default: as fast as possible]",
  },
} as const;

/** A dry run. Times are in ms. */
export type DryRun = {
  /** When it begins and ends, since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  /** Null for as fast as possible. */
  readonly speed: number | null;
};

type Given = {
  readonly at?: string | undefined;
  readonly for?: string | undefined;
  readonly speed?: string | undefined;
};

/** Throws `invalid_request` if a flag of a dry run is given without it. */
export const refuseWithoutDryRun = (flags: Context["flags"]): void => {
  const alone = Object.keys(DRY_RUN_ARGS).find((flag) => flag !== "dry-run" && flags.has(flag));
  if (alone !== undefined) throw usageError(`--${alone} needs --dry-run`, null, "petit run");
};

export const readDryRun = ({ at, for: lasting, speed }: Given, { settings, clock }: Context): DryRun => {
  const from = at === undefined ? clock.now() : readTime("--at", at, defaultZone(settings));
  // The clock begins a millisecond before, and no time in a database is negative.
  if (from <= 0) throw new PetitError("invalid_request", `--at is '${at}'; expected a time after 1970-01-01T00:00:00Z`);
  return { from, to: from + readFor(lasting), speed: speed === undefined ? null : readSpeed(speed) };
};

const readFor = (text: string | undefined): number => {
  if (text === undefined) return DEFAULT_FOR_MS;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0 && ms <= MAX_FOR_MS) return ms;
  const form = ms === null ? DURATION_FORM : `more than 0, and at most ${formatDuration(MAX_FOR_MS)}`;
  throw new PetitError("invalid_request", `--for is '${text}'; expected ${form}`);
};

const readSpeed = (text: string): number => {
  const speed = /^\d{1,7}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (speed >= SPEED.min && speed <= SPEED.max) return speed;
  throw new PetitError(
    "invalid_request",
    `--speed is '${text}'; expected a number from ${SPEED.min} to ${SPEED.max}, such as 60`,
  );
};
