import { createHash } from "node:crypto";
import { TransportError } from "../../../domain/workers/link.ts";
import { type HandedOffer, OFFER_CONTEXT, type SignedOffer } from "../../../domain/workers/protocol.ts";
import { signAll } from "../../../lib/wire/signing.ts";
import { SpawnError, spawnFailed } from "../../attempt/spawn-error.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import type { RemoteContext } from "../remote-context.ts";
import { OFFER_VALID_MS } from "../transport.ts";
import { labelSetName } from "./label-sets.ts";
import { buildOffer, encodeOffer } from "./offer.ts";
import { PublishedMessages } from "./published-messages.ts";

/** Maximum of offers that are being published at the same time. */
const CONCURRENT = 16;

/** The largest offer in the answer to a claim, in bytes. As a text in the answer, it can be twice as long. */
const MAX_HANDED_BYTES = 24 * 1024;

type Handed = {
  readonly epoch: number;
  readonly until: number;
  readonly stored: string;
  readonly handed: HandedOffer;
};

/** The delay before a failed offer is published again, in ms. */
const RETRY_MS = 1_000;

/**
 * Publishes open offers. The store has them, so they are published again if NATS lost them: after each connection, when half of the
 * validity of an offer is over, and after a restart.
 */
export class Outbox {
  readonly #context: RemoteContext;
  readonly #queue = new Set<LiveAttempt>();
  /** When each offer has to be published next, in ms of the monotonic clock. */
  readonly #due = new WeakMap<LiveAttempt, number>();
  /** The file with the end of an offer that is too large for a message. */
  readonly #stored = new WeakMap<LiveAttempt, string>();
  /** The offers that are too large for the answer to a claim, and until when they are handed again, in ms of the monotonic clock. */
  readonly #handed = new WeakMap<LiveAttempt, Handed>();
  readonly #messages = new PublishedMessages();
  /** Identifies the keys that sign the offers. */
  readonly #keysName: string;
  #publishing = 0;

  constructor(context: RemoteContext) {
    this.#context = context;
    const keys = context.signingKeys.map(({ publicKey }) => publicKey).join();
    this.#keysName = createHash("sha256").update(keys).digest("hex").slice(0, 8);
  }

  /** Publishes an offer as soon as possible. */
  add(live: LiveAttempt): void {
    this.#queue.add(live);
    this.#publishNext();
  }

  /** Publishes the offers that are due. With `isAll`, all open offers, since the queues may be new and empty. */
  publishDue({ isAll }: { readonly isAll: boolean }): void {
    const now = this.#context.clock.monotonic();
    for (const live of this.#context.attempts.values())
      if (live.isOpen && (isAll || now >= (this.#due.get(live) ?? 0))) this.#queue.add(live);
    this.#publishNext();
  }

  /** Deletes what is stored of an offer, for example because its attempt has ended. What an earlier process has stored expires after a day. */
  remove(live: LiveAttempt): void {
    this.#deleteHanded(live);
    const stored = this.#stored.get(live);
    this.#stored.delete(live);
    if (stored !== undefined) this.#delete(stored, live);
  }

  #delete(stored: string, live: LiveAttempt): void {
    const { transport, log } = this.#context;
    transport.deleteScript(stored).catch((error: unknown) => {
      log.debug({ ...live.logFields, err: error }, "cannot delete a stored offer; it expires after a day");
    });
  }

  /** Returns whether an offer of an attempt came in a message that petit did not publish. False if that is unknown. */
  isForeign(attempt: number, message: number): boolean {
    return this.#messages.isForeign(attempt, message);
  }

  #publishNext(): void {
    const { transport, detach } = this.#context;
    for (const live of this.#queue) {
      if (this.#publishing >= CONCURRENT || transport.state.status !== "connected" || detach.aborted) return;
      this.#queue.delete(live);
      this.#publishing++;
      void this.#publish(live).finally(() => {
        this.#publishing--;
        this.#publishNext();
      });
    }
  }

  async #publish(live: LiveAttempt): Promise<void> {
    if (!live.isOpen) return;
    const { clock, log, transport, scheduler } = this.#context;
    // It is not due a second time while it is being published.
    this.#due.set(live, clock.monotonic() + OFFER_VALID_MS / 2);
    try {
      const { offer, header, body, stableFrom } = await this.#sign(live);
      const id = `${scheduler}:${offer.attempt}:${offer.epoch}`;
      const message = { set: labelSetName(offer.labels), id, keys: this.#keysName, header, body, stableFrom };
      const { stored } = await this.#messages.note(offer.attempt, () => transport.publishOffer(message));
      live.blocked = null;
      this.#noteStored(live, stored);
      log.debug(live.logFields, "offered an attempt to workers");
    } catch (error) {
      this.#handle(error, live);
    }
  }

  /** Returns the signed offer of an attempt. The files that it names are in the object store. Rejects as `#handle` expects. */
  async #sign(live: LiveAttempt) {
    const { clock, transport, signingKeys, scheduler, lostAfterMs, ensureFiles } = this.#context;
    await ensureFiles(live.options.context.job);
    const { offer, files } = buildOffer(live, { scheduler, lostAfterMs, expiresAt: clock.now() + OFFER_VALID_MS });
    for (const { content, shipped } of files) await transport.putScript(shipped.sha256, content);
    const { body, stableFrom } = encodeOffer(offer);
    const [signature = "", ...further] = signAll(signingKeys, { context: OFFER_CONTEXT, message: body });
    const header: SignedOffer = { signature, ...(further.length > 0 && { further }) };
    return { offer, header, body, stableFrom };
  }

  /** Returns the offer of an attempt for the answer to a claim. Null if it can't be offered now. */
  async hand(live: LiveAttempt): Promise<HandedOffer | null> {
    const { clock, transport } = this.#context;
    const known = this.#handed.get(live);
    if (known !== undefined && known.epoch === live.offer.epoch && clock.monotonic() < known.until) return known.handed;
    try {
      const until = clock.monotonic() + OFFER_VALID_MS / 2;
      const { offer, header, body } = await this.#sign(live);
      if (body.length <= MAX_HANDED_BYTES)
        return { attempt: live.id, ...header, offer: new TextDecoder().decode(body) };
      const stored = createHash("sha256").update(body).digest("hex");
      await transport.putScript(stored, body);
      const handed = { attempt: live.id, ...header, stored };
      this.#deleteHanded(live);
      this.#handed.set(live, { epoch: offer.epoch, until, stored, handed });
      if (live.isOver) this.#deleteHanded(live);
      return handed;
    } catch (error) {
      this.#handle(error, live);
      return null;
    }
  }

  #deleteHanded(live: LiveAttempt): void {
    const known = this.#handed.get(live);
    this.#handed.delete(live);
    if (known !== undefined) this.#delete(known.stored, live);
  }

  #noteStored(live: LiveAttempt, stored: string | null): void {
    if (this.#stored.get(live) !== stored) this.remove(live);
    if (stored !== null) this.#stored.set(live, stored);
    if (live.isOver) this.remove(live);
  }

  #handle(error: unknown, live: LiveAttempt): void {
    const { clock, log } = this.#context;
    if (error instanceof SpawnError) {
      const outcome = spawnFailed(error.message);
      live.finish({ outcome, outputs: {}, transient: false, endedAt: live.options.now() });
    } else if (error instanceof TransportError) {
      this.#due.set(live, clock.monotonic() + RETRY_MS);
      // Without a connection, nothing gets to workers, which people are told anyway.
      const isBlocked = error.fault !== "disconnected" && live.isOpen;
      if (isBlocked) live.blocked = { by: "nats", detail: error.message, since: live.blocked?.since ?? clock.now() };
      log.debug({ ...live.logFields, err: error }, "cannot offer an attempt to workers; it is tried again");
    } else live.fail(error);
  }
}
