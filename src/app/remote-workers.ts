import { resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import type { MessageSource } from "../engine/deliveries/messages/message-source.ts";
import type { CreateRemoteWorkers } from "../engine/workers/remote.ts";
import { remoteWorkers } from "../engine/workers/workers.ts";
import type { Clock } from "../lib/clock.ts";
import { MAX_SIGNING_KEYS } from "../lib/wire/signing.ts";
import { schedulerTransport } from "../nats/scheduler-transport.ts";
import { MEMORY } from "../store/database/open.ts";
import { natsAccess, type Settings } from "./settings/settings.ts";
import { readSigningKey } from "./settings/signing-keys.ts";

export type RemoteWorkersOptions = {
  readonly settings: Settings;
  readonly clock: Clock;
  /** Called if another petit has a later epoch of the database. */
  readonly onSuperseded: (by: string) => void;
};

/** How long a server may be silent before its connection counts as lost, in ms. A short `lost_after` reduces it. */
const SILENCE_MS = 5_000;

/** What goes over the connection to NATS. */
type OverNats = { readonly workers: CreateRemoteWorkers; readonly messages: MessageSource };

/**
 * Prepares the connection to the workers and to the streams of triggers, and adds it to `parts`. It connects when the engine starts. Throws `invalid_request` if a file
 * that a setting names can't be read, or is not valid.
 */
export const openRemoteWorkers = (
  { settings, clock, onSuperseded }: RemoteWorkersOptions,
  parts: AsyncDisposableStack,
): OverNats => {
  const { nats, natsSigningKey, natsReplicas: replicas, lostAfterMs } = settings;
  if (natsSigningKey === null)
    throw new PetitError(
      "invalid_request",
      "--nats needs --nats-signing-key, a file made by 'petit worker keygen'; workers run only what it has signed",
    );
  if (natsSigningKey.length > MAX_SIGNING_KEYS)
    throw new PetitError("invalid_request", `there can be at most ${MAX_SIGNING_KEYS} --nats-signing-key`);
  const signingKeys = natsSigningKey.map(readSigningKey);
  // petit must notice that it is cut off itself before it declares its workers lost.
  const silenceMs = Math.min(SILENCE_MS, lostAfterMs / 4);
  const transport = parts.use(schedulerTransport({ access: natsAccess(settings), clock, silenceMs, replicas }));
  const workers = remoteWorkers({
    transport,
    signingKeys,
    lostAfterMs,
    dbPath: settings.db === MEMORY ? null : resolve(settings.db),
    onSuperseded,
    url: nats.map(withoutUser).join(", "),
  });
  return { workers, messages: transport.messages };
};

const withoutUser = (text: string): string => {
  const url = new URL(text);
  url.username = url.password = "";
  return url.href;
};
