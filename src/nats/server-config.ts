import { REQUEST_KINDS } from "../engine/workers/transport.ts";
import {
  ALL_REQUESTS,
  artifactBucket,
  controlSubject,
  OFFER_STREAM,
  offerSubject,
  requestSubject,
  SCHEDULER_INBOX,
  SCHEDULER_SUBJECT,
  SCRIPT_BUCKET,
  workerInbox,
} from "./subjects.ts";

/** How a user of the NATS server proves who it is. */
export type UserProof =
  /** `file` has the private key of this public nkey. */
  | { readonly kind: "nkey"; readonly publicKey: string; readonly file: string }
  | { readonly kind: "password"; readonly password: string };

export type ServerConfigOptions = {
  readonly scheduler: UserProof;
  readonly workers: readonly { readonly name: string; readonly proof: UserProof }[];
};

/** The user of the scheduler. An underscore cannot begin the name of a worker. */
const SCHEDULER = "_scheduler";

/**
 * Returns a configuration for nats-server 2.9 and newer: one account, with a user for the scheduler and one for each worker, who can do
 * no more than its role needs.
 */
export const serverConfig = ({ scheduler, workers }: ServerConfigOptions): string => `${HEAD}
accounts {
  PETIT {
    # What the account may use. Nothing in it is the only copy: petit and its workers keep what they need.
    jetstream { max_memory: 64MB, max_file: 10GB, max_streams: 1000, max_consumers: 1000 }

    users: [
      # The scheduler: ${usage(scheduler, { flags: "petit run", user: SCHEDULER })}
      {
        ${proofText(SCHEDULER, scheduler)}
        permissions {
          publish { allow: [${quoted(schedulerPublishes(workers.map(({ name }) => name)))}] }
          subscribe { allow: [${quoted([ALL_REQUESTS, `${SCHEDULER_INBOX}.>`])}] }
        }
      }
${workers.map(workerText).join("")}    ]
  }
}
`;

const HEAD = `# NATS for petit and its workers, printed by 'petit worker nats-config'.
# Start the server with: nats-server -c FILE

listen: "0.0.0.0:4222"

jetstream {
  # The folder of JetStream. Its data can be lost without losing work.
  store_dir: "/var/lib/nats"
  # Without it, the server does not start if less than about 13 GB of the disk are free.
  max_file_store: 10GB
}

# With TLS, nobody on the way reads what tasks print. Use tls://HOST:4222 then, and --nats-ca if the authority is your own.
# tls {
#   cert_file: "/etc/nats/server.pem"
#   key_file: "/etc/nats/server-key.pem"
#   # Wants certificates of clients too: --nats-cert and --nats-key.
#   # ca_file: "/etc/nats/ca.pem"
#   # verify: true
# }

# One petit per account. A second petit needs an account of its own.`;

const workerText = ({ name, proof }: ServerConfigOptions["workers"][number]): string => `
      # The worker ${name}: ${usage(proof, { flags: `petit worker --name ${name}`, user: name })}
      {
        ${proofText(name, proof)}
        permissions {
          publish { allow: [
${workerPublishes(name)
  .map((subject) => `            ${JSON.stringify(subject)}\n`)
  .join("")}          ] }
          subscribe { allow: [${quoted([controlSubject(name), `${workerInbox(name)}.>`])}] }
          # It may answer what the scheduler asks.
          allow_responses { max: 1, expires: "1m" }
        }
      }
`;

/** What the scheduler may send: offers, control messages, all of JetStream, and answers to workers. */
const schedulerPublishes = (workers: readonly string[]): readonly string[] => [
  offerSubject("*"),
  controlSubject("*"),
  SCHEDULER_SUBJECT,
  "$JS.>",
  "$O.>",
  ...workers.map((name) => `${workerInbox(name)}.>`),
];

/**
 * What a worker may send: its own requests, the taking of offers, the reading of scripts, and its own artifacts. It may not create
 * consumers, nor read directly from a stream that it writes to. With either, it could make the server send any message to any subject.
 */
const workerPublishes = (name: string): readonly string[] => [
  ...REQUEST_KINDS.map((kind) => requestSubject(name, kind)),
  `$JS.API.CONSUMER.INFO.${OFFER_STREAM}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${OFFER_STREAM}.*`,
  `$JS.ACK.${OFFER_STREAM}.>`,
  `$JS.API.STREAM.MSG.GET.OBJ_${SCRIPT_BUCKET}`,
  `$JS.API.STREAM.MSG.GET.OBJ_${artifactBucket(name)}`,
  `$JS.API.STREAM.PURGE.OBJ_${artifactBucket(name)}`,
  `$O.${artifactBucket(name)}.>`,
];

const quoted = (subjects: readonly string[]): string => subjects.map((subject) => JSON.stringify(subject)).join(", ");

const proofText = (user: string, proof: UserProof): string =>
  proof.kind === "nkey" ? `nkey: "${proof.publicKey}"` : `user: "${user}", password: "${proof.password}"`;

/** Returns the flags with which the user connects. */
const usage = (proof: UserProof, { flags, user }: { readonly flags: string; readonly user: string }): string =>
  proof.kind === "nkey"
    ? `${flags} --nats nats://HOST:4222 --nats-creds ${proof.file}`
    : `PETIT_NATS=nats://${user}:PASSWORD@HOST:4222 ${flags}`;
