import { isIP, connect as openTcp, type Socket } from "node:net";
import { connect as openTls } from "node:tls";
import { formatDuration } from "../../lib/duration.ts";
import type { CheckTools, ReceiverCheck } from "./services/notify-service.ts";

/** Connects to the server of a URL without sending anything, with TLS if it is encrypted. Never throws. */
export const checkWebServer = async (text: string, { environment, timeoutMs }: CheckTools): Promise<ReceiverCheck> => {
  if (!URL.canParse(text)) return { isReachable: false, text: "its URL is invalid" };
  const url = new URL(text);
  const proxy = proxyVariableOf(url, environment);
  if (proxy !== null) return { isReachable: true, text: `not checked, because ${proxy} names a proxy` };
  const isEncrypted = url.protocol === "https:";
  try {
    await connect(url, timeoutMs);
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
const proxyVariableOf = ({ protocol, hostname }: URL, environment: CheckTools["environment"]): string | null => {
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
