type SetupCommand = readonly [command: string, effect: string];

/** The commands that set up workers in a petit without any. */
export const PETIT_SETUP: readonly SetupCommand[] = [
  ["petit worker keygen petit.key", "writes petit's private key, and prints the public one"],
  [
    "petit worker nats-config box7 --keys nats-keys > nats.conf",
    "writes a configuration for nats-server, and its keys",
  ],
  [
    "petit run JOBS_DIR --nats nats://HOST:4222 --nats-creds nats-keys/_scheduler.nk --nats-signing-key petit.key",
    "runs petit with workers",
  ],
];

/** The command that starts a worker. */
export const WORKER_SETUP: SetupCommand = [
  "petit worker --nats nats://HOST:4222 --nats-creds box7.nk --trust PUBLIC_KEY --name box7 --label LABEL",
  "starts a worker, on its machine",
];
