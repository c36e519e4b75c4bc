import type { LinkFault } from "../workers/link.ts";

/** Returns why petit is not connected to NATS, as the beginning of a sentence. */
export const linkFaultText = (fault: LinkFault): string => FAULTS[fault].text;

/** Returns what a person can do about it, or null if the connection may come back by itself. */
export const linkFaultHint = (fault: LinkFault): string | null => FAULTS[fault].hint;

const FAULTS: Readonly<Record<LinkFault, { readonly text: string; readonly hint: string | null }>> = {
  connecting: { text: "connecting to NATS", hint: null },
  unreachable: {
    text: "no NATS server can be reached",
    hint: "start nats-server, or check the address and the firewall; petit connects as soon as it can",
  },
  credentials: {
    text: "NATS refuses the credentials",
    hint: "pass a file with --nats-creds that the server knows; 'petit worker nats-config NAME… --keys DIR' makes both",
  },
  tls: {
    text: "the TLS connection to NATS fails",
    hint: "pass the certificate authority of the server with --nats-ca, and a certificate with --nats-cert if the server wants one",
  },
  no_jetstream: {
    text: "NATS has no JetStream, or this account may not use it",
    hint: "add `jetstream { store_dir: … }` to the server's configuration, and `jetstream` to the account's",
  },
  permissions: {
    text: "NATS does not allow what petit needs",
    hint: "give each user the permissions that 'petit worker nats-config NAME…' prints, and each worker its own user",
  },
  taken: {
    text: "another petit uses this NATS account",
    hint: "stop it, or give each petit an account of its own; after the other one has stopped, this one takes over within a minute",
  },
  other: { text: "NATS can't be used", hint: "look into the log of nats-server" },
};
