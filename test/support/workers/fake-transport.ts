import { createHash } from "node:crypto";
import { type LinkState, TransportError } from "../../../src/domain/workers/link.ts";
import type { Control, Offer } from "../../../src/domain/workers/protocol.ts";
import { readControl, readOffer } from "../../../src/domain/workers/protocol.ts";
import type {
  OfferMessage,
  RequestKind,
  SchedulerReceiver,
  SchedulerTransport,
} from "../../../src/engine/workers/transport.ts";
import type { Frame } from "../../../src/lib/wire/frame.ts";

const CONNECTED: LinkState = { status: "connected", server: "fake" };
const DISCONNECTED: LinkState = { status: "disconnected", fault: "unreachable", detail: "cut" };

/** An offer as it was published. */
export type PublishedOffer = OfferMessage & { readonly offer: Offer };

/** A connection to workers in memory: it keeps what is published, and sends requests as workers would. */
export class FakeTransport implements SchedulerTransport {
  state: LinkState = DISCONNECTED;
  readonly offers: PublishedOffer[] = [];
  readonly controls: { readonly worker: string; readonly message: Control }[] = [];
  readonly scripts = new Map<string, Uint8Array>();
  readonly artifacts = new Map<string, Uint8Array>();
  /** The name under which the next offers are stored, because they are too large. */
  storesAs: string | null = null;
  /** Makes the next offers fail. */
  isRefusing = false;
  #receiver: SchedulerReceiver | null = null;
  readonly #waiters = new Set<() => void>();

  start(receiver: SchedulerReceiver): void {
    this.#receiver = receiver;
    this.connect();
  }

  connect(): void {
    this.state = CONNECTED;
    this.#receiver?.onState(this.state);
  }

  disconnect(): void {
    this.state = DISCONNECTED;
    this.#receiver?.onState(this.state);
  }

  /** Sends a request of a worker, and returns the answer. */
  request(worker: string, kind: RequestKind, header: unknown, body = new Uint8Array()): Promise<object | null> {
    if (this.#receiver === null) throw new TransportError("no_receiver", "petit does not listen");
    return this.#receiver.onRequest({ worker, kind, frame: { header, body } });
  }

  async publishOffer(message: OfferMessage): Promise<{ readonly sequence: number; readonly stored: string | null }> {
    if (this.isRefusing || this.state.status !== "connected") throw new TransportError("disconnected", "cut");
    const sequence = this.offers.push({
      ...message,
      offer: readOffer(JSON.parse(new TextDecoder().decode(message.body))),
    });
    this.#changed();
    return { sequence, stored: this.storesAs };
  }

  /** Resolves with the published offer number `index`. */
  async offered(index = 0): Promise<PublishedOffer> {
    await this.#until(() => this.offers.length > index);
    return this.offers[index] as PublishedOffer;
  }

  /** Resolves with the control message number `index`. */
  async controlled(index = 0): Promise<{ readonly worker: string; readonly message: Control }> {
    await this.#until(() => this.controls.length > index);
    return this.controls[index] as (typeof this.controls)[number];
  }

  async openSets(): Promise<void> {}

  async openArtifacts(): Promise<void> {}

  async control(worker: string, header: object): Promise<Frame> {
    this.controls.push({ worker, message: readControl(header) });
    this.#changed();
    return { header: { done: true }, body: new Uint8Array() };
  }

  async putScript(sha256: string, content: Uint8Array): Promise<void> {
    this.scripts.set(sha256, content);
  }

  async deleteScript(sha256: string): Promise<void> {
    this.scripts.delete(sha256);
    this.#changed();
  }

  /** Stores an artifact as a worker does, and returns how the outcome names it. */
  putArtifact(object: string, path: string, text: string) {
    const content = new TextEncoder().encode(text);
    this.artifacts.set(object, content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { path, size: content.length, sha256, object };
  }

  async getArtifact(_worker: string, object: string): Promise<ReadableStream<Uint8Array>> {
    const content = this.artifacts.get(object);
    if (content === undefined) throw new TransportError("not_found", `there is no ${object}`);
    return new Blob([content.slice()]).stream();
  }

  async deleteArtifact(_worker: string, object: string): Promise<void> {
    this.artifacts.delete(object);
    this.#changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }
}
