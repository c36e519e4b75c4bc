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

/**
 * Returns a function that returns a secret, which is read again when its file has changed. A file that can't be read any more keeps
 * the last secret, and that is logged once. Throws `invalid_request` if the secret can't be read now.
 */
export const keepSecret = ({ key, source, environment, clock, log }: KeptSecretOptions): (() => string) => {
  const set = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const places = { environment: Object.fromEntries(set) as Record<string, string>, folder: "/" };
  const cache = new SecretCache(clock);
  const read = (): SecretReading => cache.read(source, places);
  const first = read();
  if ("problem" in first) throw new PetitError("invalid_request", `${key}: ${first.problem}`);
  let last = first.value;
  let reported: string | null = null;
  return () => {
    const reading = read();
    if ("value" in reading) {
      last = reading.value;
      reported = null;
    } else if (reported !== reading.problem) {
      reported = reading.problem;
      log.error({}, `${key} can't be read again; the last one stays in use: ${reading.problem}`);
    }
    return last;
  };
};
