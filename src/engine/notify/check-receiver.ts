import { isIP, connect as openTcp, type Socket } from "node:net";
import { resolve } from "node:path";
import { connect as openTls } from "node:tls";
import type { EmailTarget, HttpTarget, NotifyTarget } from "../../domain/notification.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { resolveAll } from "./request.ts";
import { checkServer } from "./send-email.ts";

/** The result of a check of a receiver. `text` says how it was reached, or why not, and contains no secret. */
export type ReceiverCheck = { readonly isReachable: boolean; readonly text: string };

type CheckReceiverOptions = SecretPlaces & { readonly timeoutMs: number };

/**
 * Connects to a receiver without sending anything: to a mail server with its encryption and login, to a web server with TLS.
 * Never throws.
 */
export const checkReceiver = async (target: NotifyTarget, options: CheckReceiverOptions): Promise<ReceiverCheck> =>
  target.type === "email" ? await checkMailServer(target, options) : await checkWebServer(target, options);

/**
 * Identifies the connection to a receiver: receivers with the same key need only one check. Null if its secrets can't be read, or
 * its URL is invalid.
 */
export const connectionKey = (target: NotifyTarget, places: SecretPlaces): string | null => {
  const resolved = resolveAll(target, places);
  if ("problem" in resolved) return null;
  const { values } = resolved;
  if (target.type === "email") {
    const { host, port, tls, caFile } = target;
    const file = caFile === null ? null : resolve(places.folder, caFile);
    return JSON.stringify([host, port, tls, values.get("user"), values.get("password"), file]);
  }
  const url = values.get("url") ?? "";
  return URL.canParse(url) ? new URL(url).origin : null;
};

const checkMailServer = async (target: EmailTarget, options: CheckReceiverOptions): Promise<ReceiverCheck> => {
  const why = await checkServer(target, options);
  return why === null ? { isReachable: true, text: howReached(target) } : { isReachable: false, text: why };
};

const howReached = ({ tls, user }: EmailTarget): string => {
  const connected = {
    starttls: "connected with STARTTLS",
    tls: "connected with TLS",
    none: "connected without encryption",
  };
  return `${connected[tls]}${user === null ? "" : ", logged in"}`;
};

const checkWebServer = async (target: HttpTarget, options: CheckReceiverOptions): Promise<ReceiverCheck> => {
  const resolved = resolveAll(target, options);
  if ("problem" in resolved) return { isReachable: false, text: resolved.problem };
  const text = resolved.values.get("url") ?? "";
  if (!URL.canParse(text)) return { isReachable: false, text: "its URL is invalid" };
  const url = new URL(text);
  const proxy = proxyVariableOf(url, options);
  if (proxy !== null) return { isReachable: true, text: `not checked, because ${proxy} names a proxy` };
  const isEncrypted = url.protocol === "https:";
  try {
    await connect(url, options.timeoutMs);
    return { isReachable: true, text: isEncrypted ? "connected with TLS" : "connected without encryption" };
  } catch (error) {
    return { isReachable: false, text: whyNot(error) };
  }
};

/** The server did not answer, or closed the connection. */
class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Opens a connection and closes it. */
const connect = async (url: URL, timeoutMs: number): Promise<void> => {
  const isEncrypted = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (isEncrypted ? 443 : 80);
  const socket: Socket = isEncrypted
    ? openTls({ host, port, rejectUnauthorized: true, ...(isIP(host) === 0 && { servername: host }) })
    : openTcp({ host, port });
  const connected = Promise.withResolvers<void>();
  const { reject } = connected;
  const timer = setTimeout(() => reject(new NoAnswer(`no answer within ${formatDuration(timeoutMs)}`)), timeoutMs);
  socket.once(isEncrypted ? "secureConnect" : "connect", () => connected.resolve());
  socket.on("error", reject);
  socket.once("close", () => reject(new NoAnswer("the server closed the connection")));
  try {
    await connected.promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
};

/** Returns the variable that names a proxy for requests to a URL, or null. See curl(1). Requests to this machine have none. */
const proxyVariableOf = ({ protocol, hostname }: URL, { environment }: SecretPlaces): string | null => {
  if (LOOPBACK.has(hostname)) return null;
  const name = protocol === "https:" ? "https_proxy" : "http_proxy";
  return [name, name.toUpperCase()].find((each) => (environment[each] ?? "") !== "") ?? null;
};

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Describes an error by its code, since the runtime's messages can contain the URL. */
const whyNot = (error: unknown): string => {
  if (error instanceof NoAnswer) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (CERTIFICATE.test(code)) return `its certificate is not trusted (${code})`;
  return /^[A-Za-z0-9_]{2,60}$/.test(code) ? `can't be reached (${code})` : "can't be reached";
};

/** Error codes of OpenSSL for certificates. */
const CERTIFICATE = /CERT|^UNABLE_TO_|ALTNAME|SELF_SIGNED/;
