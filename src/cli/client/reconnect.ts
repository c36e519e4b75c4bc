import type { ArgsDef } from "citty";
import { PetitError } from "../../domain/errors.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../../lib/duration.ts";
import type { Client } from "./client.ts";

const DEFAULT_MS = 30_000;

/** How long a petit that goes away is waited for, of commands that go on for as long as a run does. */
export const RECONNECT = {
  reconnect: {
    type: "string",
    valueHint: "DURATION",
    description: `How long to look for a petit that went away, such as for a restart; 0s: not at all. [default: ${formatDuration(DEFAULT_MS)}]`,
  },
} as const satisfies ArgsDef;

/** Ms. */
export const patienceOf = (text: string | undefined): number => {
  if (text === undefined) return DEFAULT_MS;
  const patienceMs = parseDuration(text);
  if (patienceMs !== null) return patienceMs;
  throw new PetitError("invalid_request", `--reconnect is '${text}'; expected ${DURATION_FORM}`);
};

export const breakText = ({ base }: Client, isBack: boolean): string =>
  isBack ? `the petit at ${base} is back` : `the petit at ${base} went away; looking for it again …`;
