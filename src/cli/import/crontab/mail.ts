import { hostname } from "node:os";
import type { EmailTarget } from "../../../domain/notification.ts";
import type { Json } from "../../../lib/json.ts";

/** The fields of a job's `notify` that say how mail is sent, without the recipients. */
export type MailServer = {
  readonly fields: Readonly<Record<string, Json>>;
  /** The sender; null if it depends on the user of the line. */
  readonly from: string | null;
  /** The domain of users such as `root`. */
  readonly domain: string;
  /** Whether the configuration file has a `notify`, which does not apply to jobs with their own. */
  readonly hidesDefault: boolean;
};

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/i;

/** Returns the mail server that `--smtp HOST[:PORT]` names, or null if that is no such thing. On this machine it needs no encryption. */
export const serverOfFlag = (text: string, { hasDefault }: { readonly hasDefault: boolean }): MailServer | null => {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return null;
  const isLocal = LOOPBACK.test(host);
  return {
    fields: { host, ...(port === undefined ? {} : { port: Number(port) }), ...(isLocal ? { tls: "none" } : {}) },
    from: null,
    domain: isLocal ? "localhost" : hostname(),
    hidesDefault: hasDefault,
  };
};

/** Returns the mail server of the configuration file's own `notify`. */
export const serverOfTarget = ({ host, port, tls, caFile, user, password, from }: EmailTarget): MailServer => ({
  fields: {
    host,
    port,
    tls,
    ...(caFile === null ? {} : { ca_file: caFile }),
    ...(user === null ? {} : { user: typeof user === "string" ? user : { ...user } }),
    ...(password === null ? {} : { password: { ...password } }),
  },
  from,
  domain: LOOPBACK.test(host) ? "localhost" : hostname(),
  hidesDefault: true,
});

const MAILBOX = /^[^\s<>@,;:"\\]{1,64}@[^\s<>@,;:"\\]{1,255}$/;

/** What cron mails to nobody: options of a mail program, files, programs, and variables that only cron's own environment has. */
const UNSAFE = /^[^\p{L}\p{N}_]|[$`|/]/u;

type Mail = {
  readonly server: MailServer;
  /** The variables of the crontab. */
  readonly settings: ReadonlyMap<string, string>;
  /** The user of the line. */
  readonly user: string;
  /** True if cron mails only after a failure. */
  readonly onlyFailures: boolean;
};

/** Returns the recipients of MAILTO: addresses, and users of this machine. Null if it names none, or something else. */
export const recipientsOf = (mailTo: string, { domain }: MailServer): readonly string[] | null => {
  const names = mailTo.split(/[\s,]+/).filter((name) => name !== "");
  const addresses = [...new Set(names.map((name) => (name.includes("@") ? name : `${name}@${domain}`)))];
  const isSafe = (name: string): boolean => !UNSAFE.test(name);
  return names.length > 0 && names.every(isSafe) && addresses.every((address) => MAILBOX.test(address))
    ? addresses
    : null;
};

/** Returns the `notify` list of a line whose output cron mails, or null if it mails none. */
export const notifyOf = ({ server, settings, user, onlyFailures }: Mail): Json | null => {
  const to = recipientsOf(settings.get("MAILTO") ?? "", server);
  if (to === null) return null;
  const given = settings.get("MAILFROM") ?? "";
  const from = MAILBOX.test(given) ? given : (server.from ?? `${user}@${server.domain}`);
  return [{ type: "email", ...server.fields, from, to: [...to], on: [onlyFailures ? "failure" : "output"] }];
};
