/** Why a request failed. A transient fault can be gone the next time. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
  readonly isTransient: boolean;
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { readonly isTransient: boolean; readonly retryAfterMs?: number | null }) {
    super(message);
    this.isTransient = options.isTransient;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** Describes an error of the connection to a server. */
export const connectionFault = (error: unknown, url: URL): RequestFault => {
  const { code, text } = detailsOf(error);
  if (CERTIFICATE.test(code) || /certificate/i.test(text))
    return new RequestFault(
      `the certificate of ${url.host} is not trusted (${code || text}); ca_file names other certificates to trust`,
      { isTransient: false },
    );
  const known = MESSAGES[code]?.(url);
  if (known !== undefined) return new RequestFault(`${known} (${code})`, { isTransient: code !== "EPROTO" });
  return new RequestFault(`the request to ${url.host} failed: ${text}`, { isTransient: true });
};

/** Returns a text without what can be a secret in its URLs: user names, passwords, queries and fragments. */
const hideUrlSecrets = (text: string): string =>
  text
    .replace(/(?<=[a-z]:\/\/)[^\s/?#"'`@]*@/gi, "…@")
    .replace(/([a-z][a-z\d+.-]*:\/\/[^\s"'`<>?#]*)[?#][^\s"'`<>]*/gi, "$1?…");

/** Error codes of OpenSSL for certificates. */
const CERTIFICATE = /CERT|^UNABLE_TO_|^ERR_TLS|SELF_SIGNED/;

const lost = ({ host }: URL): string => `${host} closed the connection before the answer was complete`;
const unknownName = ({ hostname }: URL): string => `the name ${hostname} was not found`;

const MESSAGES: Readonly<Record<string, (url: URL) => string>> = {
  ECONNREFUSED: ({ host }) => `${host} refused the connection`,
  ECONNRESET: lost,
  ECONNABORTED: lost,
  EPIPE: lost,
  ENOTFOUND: unknownName,
  EAI_AGAIN: ({ hostname }) => `the name ${hostname} could not be looked up for now`,
  ETIMEDOUT: ({ host }) => `${host} did not answer in time`,
  EHOSTUNREACH: ({ host }) => `there is no route to ${host}`,
  ENETUNREACH: ({ host }) => `there is no network to reach ${host}`,
  EPROTO: ({ host }) => `the TLS handshake with ${host} failed; does it speak TLS on this port?`,
};

/** Returns the system's code and the messages of an error and of its causes. */
const detailsOf = (error: unknown): { readonly code: string; readonly text: string } => {
  const texts: string[] = [];
  let code = "";
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (code === "" && "code" in each && typeof each.code === "string") code = each.code;
    texts.push(each.message);
  }
  // Some messages of the runtime contain the whole URL.
  const text = hideUrlSecrets(texts.join(": "));
  return { code: code || codeIn(text), text: text || String(error) };
};

/** Deno reports some codes only as a text. */
const codeIn = (text: string): string => {
  if (/connection refused/i.test(text)) return "ECONNREFUSED";
  if (/failed to lookup address|dns error/i.test(text)) return "ENOTFOUND";
  if (
    /connection reset|closed before|unexpected end of file|end of file before|incomplete|error reading a body/i.test(
      text,
    )
  )
    return "ECONNRESET";
  return /timed out/i.test(text) ? "ETIMEDOUT" : "";
};
