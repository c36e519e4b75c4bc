import { accessSync, constants } from "node:fs";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { type Authenticator, connect, errors, type NatsConnection, type TlsOptions } from "@nats-io/transport-node";
import { PetitError } from "../domain/errors.ts";
import { type LinkFault, TransportError } from "../domain/workers/link.ts";
import { errorMessage } from "../lib/error-message.ts";
import { anyAnswers } from "./answers.ts";
import { readAuthenticator } from "./credentials.ts";
import { AccountTaken } from "./scheduler-lease.ts";

/** How to reach NATS, from the settings. */
export type NatsAccess = {
  /** At least one URL: `nats://host:4222` or, with TLS, `tls://host:4222`. */
  readonly urls: readonly string[];
  readonly credentialsFile: string | null;
  /** The certificate authorities that are trusted, instead of those of the system. */
  readonly caFile: string | null;
  /** The client's certificate and its key. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
};

/** How long one server may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 5_000;

/** The client's own pings are not needed; see `Link`. */
const NO_PINGS_MS = 2 ** 31 - 1;

export type OpenOptions = { readonly name: string; readonly inboxPrefix: string };

/** Reads the files of an access. Throws `invalid_request`. The result opens connections. */
export const prepareConnect = (access: NatsAccess): ((options: OpenOptions) => Promise<NatsConnection>) => {
  const authenticator = readAuthenticator({ urls: access.urls, file: access.credentialsFile });
  const tls = tlsOptions(access);
  const servers = access.urls.map(withoutUser);
  // The client never closes a connection on which the server is silent from the beginning. Many of them would use up all open files.
  let wasSilent = false;
  return async ({ name, inboxPrefix }) => {
    if (wasSilent && !(await anyAnswers(access.urls, CONNECT_TIMEOUT_MS)))
      throw new TransportError("disconnected", "the server does not answer");
    try {
      return await open({ name, inboxPrefix, servers, tls, authenticator });
    } catch (error) {
      wasSilent = error instanceof errors.TimeoutError;
      throw tls !== null && access.certFile === null ? explained(error) : error;
    }
  };
};

/** A server that wants a certificate of the client closes the connection after the handshake without an error message. */
const explained = (error: unknown): unknown =>
  error instanceof Error && /^write (EBADF|EPIPE)/.test(error.message)
    ? new Error("the server closed the TLS connection; it may want a client certificate", { cause: error })
    : error;

/** Connects to one of the servers, once. The caller decides what happens when the connection is lost. */
const open = ({
  name,
  inboxPrefix,
  servers,
  authenticator,
  tls,
}: OpenOptions & {
  readonly servers: string[];
  readonly tls: TlsOptions | null;
  readonly authenticator: Authenticator | null;
}): Promise<NatsConnection> =>
  connect({
    name,
    inboxPrefix,
    servers,
    ...(authenticator !== null && { authenticator }),
    ...(tls !== null && { tls }),
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: false,
    pingInterval: NO_PINGS_MS,
    noAsyncTraces: true,
  });

/** The client reads the files again for each connection, so that they can be replaced. */
const tlsOptions = ({ urls, caFile, certFile, keyFile }: NatsAccess): TlsOptions | null => {
  if ((certFile === null) !== (keyFile === null))
    throw new PetitError("invalid_request", "--nats-cert and --nats-key need each other; expected both or none");
  for (const file of [caFile, certFile, keyFile]) if (file !== null) assertReadable(file);
  const isWanted = urls.some((url) => new URL(url).protocol === "tls:") || caFile !== null || certFile !== null;
  if (!isWanted) return null;
  return {
    ...(caFile !== null && { caFile }),
    ...(certFile !== null && { certFile }),
    ...(keyFile !== null && { keyFile }),
  };
};

const assertReadable = (file: string): void => {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `the file ${file} for TLS with NATS can't be read: ${why}`, { cause });
  }
};

/** The client doesn't read user and password from a URL. */
const withoutUser = (url: string): string => new URL(url).host;

/** Returns why petit could not connect, or could not prepare the connection. */
export const faultOf = (error: unknown): LinkFault => {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return "credentials";
  if (error instanceof TransportError) return "unreachable";
  if (error instanceof AccountTaken) return "taken";
  if (isRefusal(error)) return "permissions";
  if (hasNoJetStream(error)) return "no_jetstream";
  const text = error instanceof Error ? `${error.name} ${codeOf(error)} ${error.message}` : String(error);
  if (/cert|self.signed|tls|ssl|verify/i.test(text)) return "tls";
  if (/refused|ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|timeout/i.test(text)) return "unreachable";
  return "other";
};

const isRefusal = (error: unknown): boolean =>
  error instanceof errors.PermissionViolationError ||
  (error instanceof errors.RequestError && error.cause instanceof errors.PermissionViolationError);

/** Nobody receives the requests of JetStream, or the account may not use it. */
const hasNoJetStream = (error: unknown): boolean =>
  (error instanceof Error && error.name === "JetStreamNotEnabled") ||
  (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.JetStreamNotEnabledForAccount);

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : "");
