import type { ArgsDef } from "citty";
import { PetitError } from "../../domain/errors.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../../lib/duration.ts";

const DEFAULT_MS = 30_000;

/** The flag of commands that keep a connection to petit until a run ends. */
export const RECONNECT = {
  reconnect: {
    type: "string",
    valueHint: "DURATION",
    description: `Time to wait for petit to come back, for example from a restart; 0s: do not wait. [default: ${formatDuration(DEFAULT_MS)}]`,
  },
} as const satisfies ArgsDef;

/** Returns the value of --reconnect in ms. */
export const patienceOf = (text: string | undefined): number => {
  if (text === undefined) return DEFAULT_MS;
  const patienceMs = parseDuration(text);
  if (patienceMs !== null) return patienceMs;
  throw new PetitError("invalid_request", `--reconnect is '${text}'; expected ${DURATION_FORM}`);
};

type OutageNoticeOptions = {
  /** URL of petit. */
  readonly base: string;
  readonly write: (message: string) => void;
};

/** Returns callbacks for the reconnect policy that report the start and the end of an outage. */
export const reportOutage = ({ base, write }: OutageNoticeOptions) => ({
  onAway: (_: unknown, awayMs: number): void => {
    if (awayMs === 0) write(`petit at ${base} does not answer; connecting again …`);
  },
  onBack: (): void => write(`petit at ${base} is back`),
});
