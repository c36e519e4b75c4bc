import type { UnreadableSecret } from "../../domain/attention.ts";
import { PetitError } from "../../domain/errors.ts";
import type { SecretSource } from "../../domain/secret.ts";
import { SecretCache, type SecretReading } from "../../engine/secrets/read-secret.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

type KeptSecretOptions = {
  /** The key of the configuration file, for messages. */
  readonly key: string;
  readonly source: SecretSource;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
};

export type KeptSecret = {
  /** Returns the secret. */
  readonly get: () => string;
  /** Returns why it can't be read again now; null if it can. */
  readonly fault: () => UnreadableSecret | null;
};

/**
 * Keeps a secret, which is read again when its file has changed. A file that can't be read any more keeps the last secret, and that is
 * logged once. Throws `invalid_request` if the secret can't be read now.
 */
export const keepSecret = ({ key, source, environment, clock, log }: KeptSecretOptions): KeptSecret => {
  const set = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const places = { environment: Object.fromEntries(set) as Record<string, string>, folder: "/" };
  const cache = new SecretCache(clock);
  const read = (): SecretReading => cache.read(source, places);
  const first = read();
  if ("problem" in first) throw new PetitError("invalid_request", `${key}: ${first.problem}`);
  let last = first.value;
  let fault: UnreadableSecret | null = null;
  const update = (): void => {
    const reading = read();
    if ("value" in reading) {
      last = reading.value;
      fault = null;
      return;
    }
    const { problem } = reading;
    if (fault?.problem !== problem) log.error({}, `${key} can't be read again; the last one stays in use: ${problem}`);
    fault = { key, problem, since: fault?.since ?? clock.now() };
  };
  return {
    get: () => {
      update();
      return last;
    },
    fault: () => {
      update();
      return fault;
    },
  };
};
