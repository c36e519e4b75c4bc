import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { rootCertificates } from "node:tls";
import type { NodemailerError } from "nodemailer";
import type { EmailTarget } from "../../domain/notification.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { formatDuration } from "../../lib/duration.ts";
import { escapeUnprintable } from "../../lib/printable.ts";
import { shorten } from "../../lib/shorten.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { emailText } from "./message/email.ts";
import { DELIVERY_HEADER, EVENT_HEADER, messageIn, type Notice, resolveAll } from "./request.ts";
import type { SendOptions, SendResult } from "./send.ts";

type EmailOptions = Omit<SendOptions, "runtime"> & SecretPlaces;

/** Sends a notification over SMTP. Never throws. */
export const sendEmail = async (notice: Notice, target: EmailTarget, options: EmailOptions): Promise<SendResult> => {
  const server = await openServer(target, options);
  if ("problem" in server) return failed(server.problem);
  const late = new AbortController();
  const cancel = options.clock.setTimeout(() => abortQuietly(late), options.timeoutMs);
  try {
    const { rejected } = await server.transport.sendMail({
      ...emailText(messageIn(notice)),
      from: target.from,
      to: [...target.to],
      messageId: `<${notice.id}@${domainOf(target.from)}>`,
      headers: {
        ...NO_REPLIES,
        [DELIVERY_HEADER]: notice.id,
        [EVENT_HEADER]: notice.event,
      },
      signal: AbortSignal.any([late.signal, options.signal]),
    });
    return { kind: "delivered", answer: rejected.length === 0 ? "accepted" : acceptedFor(target.to, rejected.length) };
  } catch (error) {
    if (late.signal.aborted) return failed(`no answer within ${formatDuration(options.timeoutMs)}`);
    return judgeError(error, server.secrets);
  } finally {
    cancel();
  }
};

/** Headers that suppress automatic replies, from RFC 3834 and of Exchange (MS-OXCMAIL). */
const NO_REPLIES = { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" } as const;

/**
 * Connects to the server of a target with its encryption and login, and sends nothing. Returns why that failed, or null. Never
 * throws.
 */
export const checkServer = async (
  target: EmailTarget,
  { timeoutMs, ...places }: SecretPlaces & { readonly timeoutMs: number },
): Promise<string | null> => {
  const server = await openServer(target, { ...places, timeoutMs });
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

/** Prepares connections to the server of a target. Returns the problem if its secrets or files can't be read. */
const openServer = async (target: EmailTarget, places: SecretPlaces & { readonly timeoutMs: number }) => {
  const login = resolveAll(target, places);
  if ("problem" in login) return login;
  const trusted = readAuthorities(target, places);
  if ("problem" in trusted) return trusted;
  const user = login.values.get("user");
  const pass = login.values.get("password");
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

const readAuthorities = ({ caFile }: EmailTarget, { folder }: SecretPlaces): Authorities => {
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
