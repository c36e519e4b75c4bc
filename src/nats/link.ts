import type { NatsConnection } from "@nats-io/transport-node";
import type { LinkState } from "../domain/workers/link.ts";
import { TransportError } from "../domain/workers/link.ts";
import { anyAborted } from "../lib/abort.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import { faultOf } from "./connect.ts";

export type LinkOptions<T> = {
  readonly clock: Clock;
  /** Opens one connection. */
  readonly connect: () => Promise<NatsConnection>;
  /** Prepares a new connection for use. If it throws, the link is disconnected, and tries again. */
  readonly prepare: (connection: NatsConnection) => Promise<T>;
  readonly onState: (state: LinkState) => void;
  /** How long a server may be silent before the connection counts as lost, in ms, within a factor of two. */
  readonly silenceMs?: number;
};

/** The delays between attempts to connect double from the first to the last. */
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 2_000;

const SILENCE_MS = 5_000;

const CLOSED = new TransportError("disconnected", "the server closed the connection");
const SILENT = new TransportError("disconnected", "the server does not answer");

/** A connection that worked can be lost by any error of the socket. */
const lostConnection = (reason: unknown): unknown =>
  reason instanceof Error && faultOf(reason) === "other" ? new TransportError("disconnected", reason.message) : reason;

/** NATS's own default, for a server that does not report its limit. */
const DEFAULT_PAYLOAD_BYTES = 2 ** 20;

/** Returns the size of the largest message that the server accepts, in bytes. */
export const maxPayloadOf = ({ info }: NatsConnection): number => info?.max_payload ?? DEFAULT_PAYLOAD_BYTES;

/** A connection that can be used, until `lost` is aborted. */
export type LinkSession<T> = { readonly connection: NatsConnection; readonly prepared: T; readonly lost: AbortSignal };

/**
 * Keeps a connection to NATS. The client's own reconnecting is not used: it would send what was written while there was no connection,
 * such as a request that its sender has given up, and it keeps consumers that no longer exist. Every connection here is a new session.
 */
export class Link<T> implements AsyncDisposable {
  readonly #options: LinkOptions<T>;
  readonly #stop = new AbortController();
  #state: LinkState = { status: "disconnected", fault: "connecting", detail: "" };
  #session: LinkSession<T> | null = null;
  /** Resolved, and replaced, at each change of the session. */
  #changed = Promise.withResolvers<void>();
  #running: Promise<void> | null = null;

  constructor(options: LinkOptions<T>) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#session !== null;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Returns the session. Throws `disconnected` if there is none. */
  session(): LinkSession<T> {
    if (this.#session !== null) return this.#session;
    const { state } = this;
    const why = state.status === "disconnected" && state.detail !== "" ? `: ${state.detail}` : "";
    throw new TransportError("disconnected", `there is no connection to NATS${why}`);
  }

  /** Waits for a session. Returns null if the signal or the link is aborted first. */
  async nextSession(signal: AbortSignal): Promise<LinkSession<T> | null> {
    while (!signal.aborted && !this.#stop.signal.aborted) {
      if (this.#session !== null) return this.#session;
      const over = new AbortController();
      await Promise.race([this.#changed.promise, anyAborted([signal, this.#stop.signal, over.signal])]);
      over.abort("over");
    }
    return null;
  }

  async #run(): Promise<void> {
    const { clock, connect } = this.#options;
    let delayMs = FIRST_DELAY_MS;
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await connect();
        if (await this.#follow(connection)) delayMs = FIRST_DELAY_MS;
      } catch (error) {
        this.#setDisconnected(error);
      }
      await sleep(clock, delayMs, this.#stop.signal);
      delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
    }
  }

  /** Uses a connection until it is lost. Returns whether it could be used. */
  async #follow(connection: NatsConnection): Promise<boolean> {
    const lost = new AbortController();
    const onStop = (): void => lost.abort("stopped");
    // The link may have been stopped while it connected.
    if (this.#stop.signal.aborted) onStop();
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    let reason: unknown = CLOSED;
    void connection.closed().then((error) => {
      if (error instanceof Error) reason = error;
      lost.abort("closed");
    });
    try {
      if (lost.signal.aborted) return false;
      const prepared = await Promise.race([
        this.#options.prepare(connection),
        anyAborted([lost.signal]).then((): never => {
          throw reason;
        }),
      ]);
      this.#setConnected({ connection, prepared, lost: lost.signal });
      const isSilent = await this.#isSilent(connection, lost.signal);
      this.#setDisconnected(isSilent ? SILENT : lostConnection(reason));
      return true;
    } catch (error) {
      this.#setDisconnected(error);
      return false;
    } finally {
      lost.abort("over");
      this.#stop.signal.removeEventListener("abort", onStop);
      // The server may be silent: closing must not wait for it.
      void connection.close().catch(() => {});
    }
  }

  /** Returns true when the server is silent, or false when the connection is lost before. */
  async #isSilent(connection: NatsConnection, lost: AbortSignal): Promise<boolean> {
    const { clock, silenceMs = SILENCE_MS } = this.#options;
    for (;;) {
      await sleep(clock, silenceMs, lost);
      if (lost.aborted) return false;
      const answered = new AbortController();
      const answer = connection.flush().then(
        () => answered.abort("answered"),
        // The connection was lost.
        () => {},
      );
      await Promise.race([answer, sleep(clock, silenceMs, AbortSignal.any([answered.signal, lost]))]);
      if (!answered.signal.aborted) return !lost.aborted;
    }
  }

  #setConnected(session: LinkSession<T>): void {
    this.#session = session;
    this.#setState({ status: "connected", server: session.connection.getServer() });
  }

  #setDisconnected(error: unknown): void {
    this.#session = null;
    if (this.#stop.signal.aborted) return;
    const detail = errorMessage(error);
    this.#setState({ status: "disconnected", fault: faultOf(error), detail });
  }

  #setState(state: LinkState): void {
    const before = this.#state;
    this.#state = state;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    const isSame =
      before.status === "disconnected" &&
      state.status === "disconnected" &&
      before.fault === state.fault &&
      before.detail === state.detail;
    if (!isSame) this.#options.onState(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort("stopped");
    this.#changed.resolve();
    await this.#running;
    this.#session = null;
  }
}
