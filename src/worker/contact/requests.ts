import { TransportError } from "../../domain/workers/link.ts";
import {
  type Claim,
  type ClaimAnswer,
  type FailureAnswer,
  type Hello,
  type HelloAnswer,
  MessageError,
  type OutcomeAnswer,
  type OutputAnswer,
  PROTOCOL,
  readClaimAnswer,
  readHelloAnswer,
  readOutcomeAnswer,
  readOutputAnswer,
  type ShippedOutcome,
  type ShippedOutput,
} from "../../domain/workers/protocol.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { RequestMessage, WorkerTransport } from "../transport.ts";

/** Thrown when the scheduler has not answered, or cannot at the moment. It may have received the request. */
export class NoAnswer extends Error {
  override readonly name: string = "NoAnswer";
}

/** Thrown when the scheduler has connected again since a request was sent. It may have received the request, before or after that. */
class Reconnected extends NoAnswer {
  override readonly name: string = "Reconnected";

  constructor() {
    super("the scheduler has connected again, and does not answer earlier requests");
  }
}

/** Thrown when the scheduler answers that it cannot read a request. */
export class InvalidRequest extends NoAnswer {
  override readonly name: string = "InvalidRequest";
  /** What is wrong with it. */
  readonly detail: string;

  constructor(detail: string) {
    super(`the scheduler cannot read the request: ${detail}`);
    this.detail = detail;
  }
}

/** How long a request waits for its answer, in ms. */
const TIMEOUT_MS = 5_000;
/** The same for outcomes, in ms. The scheduler fetches the artifacts before it answers. */
const OUTCOME_TIMEOUT_MS = 60_000;

/** Bounds of the delay between attempts of a request, in ms. */
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5_000;

export type RequestsOptions = {
  readonly transport: Pick<WorkerTransport, "request">;
  readonly clock: Clock;
  readonly log: Log;
  /** Returns false while another process may have the attempts that are in the state folder. Nothing is reported about them then. */
  readonly isOwner: () => boolean;
  /** Aborted when the worker detaches. */
  readonly detach: AbortSignal;
};

/** Sends requests to the scheduler, and checks its answers. Methods throw NoAnswer. */
export class Requests {
  readonly #options: RequestsOptions;
  /** Aborted, and replaced, when the scheduler has answered a hello. */
  #answered = new AbortController();
  #isSameProtocol = false;
  /** The connection of the scheduler that answered the last hello; undefined before. */
  #session: string | undefined;
  /** Aborted, and replaced, when the scheduler has connected again. */
  #reconnected = new AbortController();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  hello(header: Hello): Promise<HelloAnswer> {
    return this.#send("hello", { header, timeoutMs: TIMEOUT_MS }, readHelloAnswer);
  }

  /** Repeats the claim when the scheduler has connected again: it grants what it has granted, and whose answer was lost. */
  async claim(header: Claim): Promise<ClaimAnswer> {
    for (;;)
      try {
        return await this.#send("claim", { header, timeoutMs: TIMEOUT_MS }, readClaimAnswer);
      } catch (error) {
        if (!(error instanceof Reconnected)) throw error;
      }
  }

  async output(header: ShippedOutput, body: Uint8Array): Promise<OutputAnswer> {
    this.#assertOwner();
    return await this.#send("output", { header, body, timeoutMs: TIMEOUT_MS }, readOutputAnswer);
  }

  /** `stored`: the outcome is in the object store. */
  async outcome(header: ShippedOutcome | { readonly stored: string }): Promise<OutcomeAnswer> {
    this.#assertOwner();
    return await this.#send("outcome", { header, timeoutMs: OUTCOME_TIMEOUT_MS }, readOutcomeAnswer);
  }

  #assertOwner(): void {
    if (!this.#options.isOwner()) throw new NoAnswer("the scheduler has not decided yet who has this state folder");
  }

  /** True if the last answer to a hello was of the protocol of this worker. */
  get isSameProtocol(): boolean {
    return this.#isSameProtocol;
  }

  /**
   * Ends the delays of `persist`, because the scheduler answers again. If it has connected again, also gives up the requests that it got
   * before: it has been restarted, or has lost the connection on which it would have answered them.
   */
  noteAnswered({ protocol, session }: Pick<HelloAnswer, "protocol" | "session">): void {
    this.#isSameProtocol = protocol === PROTOCOL;
    if (session !== this.#session) {
      this.#session = session;
      const earlier = this.#reconnected;
      this.#reconnected = new AbortController();
      earlier.abort("reconnected");
    }
    const before = this.#answered;
    this.#answered = new AbortController();
    before.abort("answered");
  }

  /** Repeats `work` while there is no answer: after a growing delay, or as soon as a hello is answered. Rejects when detached. */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    const { clock, detach, log } = this.#options;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, LAST_DELAY_MS)) {
      detach.throwIfAborted();
      const answered = this.#answered.signal;
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error)) throw error;
        log.debug({ err: error }, "the scheduler does not answer");
      }
      await sleep(clock, delayMs, AbortSignal.any([detach, answered]));
    }
  }

  async #send<T>(
    kind: "hello" | "claim" | "output" | "outcome",
    message: RequestMessage,
    read: (header: unknown) => T | FailureAnswer,
  ): Promise<T> {
    const { transport } = this.#options;
    const answer = await this.#whileConnected(transport.request(kind, message)).catch((cause: unknown) => {
      if (cause instanceof TransportError) throw new NoAnswer(cause.message, { cause });
      throw cause;
    });
    const header = this.#read(read, answer.header);
    if (isFailure(header)) throw failureOf(header);
    return header;
  }

  /** Rejects with Reconnected when the scheduler has connected again. */
  async #whileConnected<T>(answer: Promise<T>): Promise<T> {
    const over = new AbortController();
    try {
      return await Promise.race([
        answer,
        anyAborted([this.#reconnected.signal, over.signal]).then((): never => {
          throw new Reconnected();
        }),
      ]);
    } finally {
      abortQuietly(over);
    }
  }

  #read<T>(read: (header: unknown) => T, header: unknown): T {
    try {
      return read(header);
    } catch (cause) {
      if (cause instanceof MessageError) throw new NoAnswer(cause.message, { cause });
      throw cause;
    }
  }
}

const isFailure = (answer: unknown): answer is FailureAnswer =>
  typeof answer === "object" && answer !== null && "failed" in answer;

const failureOf = ({ failed, detail = "it is invalid" }: FailureAnswer): NoAnswer =>
  failed === "invalid" ? new InvalidRequest(detail) : new NoAnswer(`the scheduler answers: ${failed}`);

const isPassing = (error: unknown): boolean => error instanceof NoAnswer || error instanceof TransportError;
