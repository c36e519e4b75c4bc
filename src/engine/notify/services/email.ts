import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { rootCertificates } from "node:tls";
import type { NodemailerError } from "nodemailer";
import type { EmailTarget } from "../../../domain/notification.ts";
import { abortQuietly } from "../../../lib/abort.ts";
import { formatDuration } from "../../../lib/duration.ts";
import { escapeUnprintable, shorten } from "../../../lib/text.ts";
import { type Message, messageOf } from "../message/message.ts";
import { plainText } from "../message/plain.ts";
import type { SendResult } from "../send.ts";
import { EVENT_HEADER, type NotifyService, type OpenTarget, SENDING_HEADER } from "./notify-service.ts";

/** Sends over SMTP. */
export const email: NotifyService<"email"> = {
  send: async (notice, opened, { clock, signal }) => {
    const server = await openServer(opened);
    if ("problem" in server) return failed(server.problem);
    const { from, to, timeoutMs } = opened.target;
    const late = new AbortController();
    const cancel = clock.setTimeout(() => abortQuietly(late), timeoutMs);
    try {
      const { rejected } = await server.transport.sendMail({
        ...textOf(messageOf(JSON.parse(notice.notice))),
        from,
        to: [...to],
        messageId: `<${notice.id}@${domainOf(from)}>`,
        headers: {
          ...NO_REPLIES,
          [SENDING_HEADER]: notice.id,
          [EVENT_HEADER]: notice.event,
        },
        signal: AbortSignal.any([late.signal, signal]),
      });
      return { kind: "delivered", answer: rejected.length === 0 ? "accepted" : acceptedFor(to, rejected.length) };
    } catch (error) {
      if (late.signal.aborted) return failed(`no answer within ${formatDuration(timeoutMs)}`);
      return judgeError(error, server.secrets);
    } finally {
      cancel();
    }
  },
  check: async (opened, { timeoutMs }) => {
    const why = await whyNotConnected(opened, timeoutMs);
    return why === null ? { isReachable: true, text: howReached(opened.target) } : { isReachable: false, text: why };
  },
  connectionKey: ({ target: { host, port, tls, caFile }, values, folder }) => {
    const file = caFile === null ? null : resolve(folder, caFile);
    return JSON.stringify([host, port, tls, values.get("user"), values.get("password"), file]);
  },
};

/** Returns the subject and the text of an email. Plain text, so that nothing in it is markup. */
const textOf = (message: Message): { readonly subject: string; readonly text: string } => ({
  subject: `petit: ${message.title}`,
  text: `${plainText(message, message.longOutput === "" ? message.output : message.longOutput, { links: true })}\n`,
});

/** Headers that suppress automatic replies, from RFC 3834 and of Exchange (MS-OXCMAIL). */
const NO_REPLIES = { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" } as const;

const howReached = ({ tls, user }: EmailTarget): string => {
  const connected = {
    starttls: "connected with STARTTLS",
    tls: "connected with TLS",
    none: "connected without encryption",
  };
  return `${connected[tls]}${user === null ? "" : ", logged in"}`;
};

/** Connects to the server of a target with its encryption and login. Returns why that failed, or null. */
const whyNotConnected = async (opened: OpenTarget<"email">, timeoutMs: number): Promise<string | null> => {
  const server = await openServer(opened);
  if ("problem" in server) return server.problem;
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`no answer within ${formatDuration(timeoutMs)}`), timeoutMs);
  const check = server.transport.verify().then(
    () => null,
    (error: unknown) => {
      const result = judgeError(error, server.secrets);
      return result.kind === "delivered" ? null : result.why;
    },
  );
  const why = await Promise.race([check, late.promise]);
  clearTimeout(timer);
  server.transport.close();
  return why;
};

/** Prepares connections to the server of a target. Returns the problem if its files can't be read. */
const openServer = async ({ target, values, folder }: OpenTarget<"email">) => {
  const trusted = readAuthorities(target, folder);
  if ("problem" in trusted) return trusted;
  const user = values.get("user");
  const pass = values.get("password");
  // Only jobs that send email need the library.
  const { createTransport } = await import("nodemailer");
  const transport = createTransport({
    host: target.host,
    port: target.port,
    secure: target.tls === "tls",
    requireTLS: target.tls === "starttls",
    ignoreTLS: target.tls === "none",
    ...(user !== undefined && { auth: { user, pass } }),
    // Certificates are checked even if NODE_TLS_REJECT_UNAUTHORIZED is 0.
    tls: { rejectUnauthorized: true, ...(trusted.authorities !== null && { ca: trusted.authorities }) },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { transport, secrets: [user, pass] };
};

const failed = (why: string): SendResult => ({ kind: "failed", why, retryAfterMs: null });

const acceptedFor = (to: readonly string[], rejected: number): string =>
  `accepted for ${to.length - rejected} of ${to.length} recipients`;

type Authorities = { readonly authorities: string[] | null } | { readonly problem: string };

const readAuthorities = ({ caFile }: EmailTarget, folder: string): Authorities => {
  if (caFile === null) return { authorities: null };
  const path = resolve(folder, caFile);
  try {
    return { authorities: [...rootCertificates, readFileSync(path, "utf8")] };
  } catch (error) {
    return { problem: `the file ${path} can't be read (${codeOf(error) ?? "unknown error"})` };
  }
};

/** The part of an address after the `@`. */
const domainOf = (from: string): string => /@([^>]+)/.exec(from)?.[1] ?? "localhost";

const codeOf = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;

const isSmtpError = (error: unknown): error is NodemailerError => error instanceof Error;

/** Returns the result for an error. A reply of 5xx is final, except 503: see RFC 5321. */
const judgeError = (error: unknown, secrets: readonly (string | undefined)[]): SendResult => {
  if (!isSmtpError(error)) return failed("can't be reached");
  const { responseCode: status, permanent } = error;
  if (status === undefined) return failed(whyUnreachable(error));
  const why = `answered ${status} to ${stepOf(error)}${replyOf(error, secrets)}`;
  return permanent ? { kind: "refused", why } : failed(why);
};

const stepOf = ({ command = "", code }: NodemailerError): string => {
  if (code === "EAUTH") return "the login";
  return /^[A-Z][A-Z0-9 ]{1,20}$/.test(command) ? command : "the connection";
};

/** Maximum length of a reply that is shown. */
const MAX_REPLY = 200;

/** Returns the text of the server's reply without its code, for people. */
const replyOf = ({ response = "" }: NodemailerError, secrets: readonly (string | undefined)[]): string => {
  const masked = secrets.reduce<string>(
    (text, secret) => (secret === undefined ? text : text.replaceAll(secret, "***")),
    response,
  );
  const text = escapeUnprintable(
    masked
      .replace(/(^|\n)\d{3}[ -]?/g, " ")
      .replace(/\s+/g, " ")
      .trim(),
  );
  return text === "" ? "" : `: ${shorten(text, MAX_REPLY)}`;
};

const whyUnreachable = (error: NodemailerError): string => {
  const code = error.originalCode ?? error.code ?? "unknown error";
  if (error.code === "ETLS" || TLS_ERROR.test(code)) return `the encrypted connection failed (${code})`;
  return `can't be reached (${code})`;
};

/** Matches codes such as UNABLE_TO_VERIFY_LEAF_SIGNATURE. */
const TLS_ERROR = /CERT|SSL|TLS|SIGNATURE|ISSUER|ALTNAME/;
