/** Why petit is not connected to NATS. */
export type LinkFault =
  /** It has not tried yet. */
  | "connecting"
  /** No server answers. */
  | "unreachable"
  /** The server refuses the credentials, or wants some. */
  | "credentials"
  /** TLS fails: an unknown certificate authority, or the server wants a certificate. */
  | "tls"
  /** The server, or this account, has no JetStream. */
  | "no_jetstream"
  /** The credentials do not allow what petit needs. */
  | "permissions"
  /** Another petit uses the account; the detail names it. */
  | "taken"
  /** Anything else; the detail says what. */
  | "other";

/** The state of the connection to NATS. */
export type LinkState =
  | { readonly status: "connected"; readonly server: string }
  | { readonly status: "disconnected"; readonly fault: LinkFault; readonly detail: string };

/** Why a message or an object could not be transferred. */
export type TransportFault =
  /** There is no connection, or it was lost before the answer. The receiver may have received the message. */
  | "disconnected"
  /** There was no answer in time. The receiver may have received the message. */
  | "timeout"
  /** Nobody receives such messages now. */
  | "no_receiver"
  /** There is no such object, stream or consumer, for example after NATS lost its data. */
  | "not_found"
  /** The server does not allow it: permissions or limits. */
  | "refused";

export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly fault: TransportFault;

  constructor(fault: TransportFault, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.fault = fault;
  }
}
