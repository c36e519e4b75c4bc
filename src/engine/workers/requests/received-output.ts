import type { ShippedChunk, ShippedOutput } from "../../../domain/workers/protocol.ts";
import { MessageError } from "../../../domain/workers/protocol.ts";
import type { NewChunk } from "../../../store/output.ts";
import type { StoredClaim, StoredOffer } from "../../../store/workers/offers.ts";
import type { RunAttemptOptions } from "../../attempt/run-attempt.ts";
import { OutputBudget } from "../../output/budget.ts";
import { countLines } from "../../output/line-splitter.ts";

export type ReceivedOutputOptions = {
  readonly attempt: RunAttemptOptions;
  /** Returns what is stored about the offer of the attempt, and the claim of the worker that has it, or null. */
  readonly offer: () => StoredOffer;
  readonly claim: () => StoredClaim | null;
  /** Called when output up to a position, in bytes, is stored. */
  readonly onStored: (offset: number) => void;
};

/** A chunk with its bytes, or output that was dropped. */
type Piece =
  | { readonly kind: "chunk"; readonly chunk: NewChunk }
  | { readonly kind: "gap"; readonly bytes: number; readonly stream: NewChunk["stream"] };

/** Spool offsets have no meaning for output of another machine. */
const NO_OFFSETS = { stdout: 0, stderr: 0 };

/**
 * Stores the output that a worker sends, within the limit of the attempt. The store knows how many bytes it has, so output that is sent
 * again is stored once, and output that does not continue it is not stored.
 */
export class ReceivedOutput {
  readonly #options: ReceivedOutputOptions;
  /** Null if it must be read from the store again. */
  #budget: OutputBudget | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReceivedOutputOptions) {
    this.#options = options;
  }

  /**
   * Stores the new part of a message. Resolves when it is on disk, with the number of stored bytes, or with null if the attempt is over.
   * Rejects with MessageError, and with `storage_failed`.
   */
  receive(message: ShippedOutput, body: Uint8Array): Promise<number | null> {
    // Messages are stored one after the other, because each continues what the previous one stored.
    const received = this.#last.then(() => this.#receive(message, body));
    this.#last = received.catch(() => {});
    return received;
  }

  /** Trims the output to its exact limit, when there is no more. */
  async settle(): Promise<void> {
    const { commits } = this.#options.attempt.services;
    await commits.retryUntilStored(() => this.#openBudget().settle());
  }

  async #receive(message: ShippedOutput, body: Uint8Array): Promise<number | null> {
    const { attempt, offer, claim, onStored } = this.#options;
    const { services, onOutput } = attempt;
    const { storedOffset } = offer();
    if (message.offset > storedOffset) return storedOffset;
    const pieces = piecesOf(message, body, {
      from: storedOffset,
      claimedAt: claim()?.at ?? 0,
      now: attempt.now(),
    });
    const offset = Math.max(storedOffset, message.offset + sizeOf(message.chunks));
    if (pieces.length === 0) return storedOffset;
    const isStored = await services.commits.enqueue((addHooks) => {
      const { attemptId, epoch } = offer();
      if (claim() === null || epoch !== message.epoch) return false;
      addHooks({
        onCommit: () => onStored(offset),
        onRollback: () => {
          this.#budget = null;
        },
      });
      this.#store(pieces);
      return services.store.offers.setStoredOffset({ attemptId, epoch }, offset);
    });
    if (!isStored) return null;
    onOutput();
    return offset;
  }

  #store(pieces: readonly Piece[]): void {
    const budget = this.#openBudget();
    let chunks: NewChunk[] = [];
    for (const piece of pieces) {
      if (piece.kind === "chunk") {
        chunks.push(piece.chunk);
        continue;
      }
      if (chunks.length > 0) budget.store(chunks, NO_OFFSETS);
      chunks = [];
      budget.skip(piece.bytes, piece.stream);
    }
    budget.store(chunks, NO_OFFSETS);
  }

  #openBudget(): OutputBudget {
    const { services, attempt } = this.#options.attempt;
    this.#budget ??= new OutputBudget({
      store: services.store,
      clock: services.clock,
      attempt,
      isNew: false,
      limitBytes: services.settings.logLimitBytes,
    });
    return this.#budget;
  }
}

const lengthOf = ({ bytes, dropped = 0 }: ShippedChunk): number => bytes + dropped;

const sizeOf = (chunks: readonly ShippedChunk[]): number => chunks.reduce((sum, chunk) => sum + lengthOf(chunk), 0);

type Position = { readonly from: number; readonly claimedAt: number; readonly now: number };

/** Returns the part of a message after position `from`. Throws MessageError if its chunks do not match its bytes. */
const piecesOf = (
  { offset, chunks }: ShippedOutput,
  body: Uint8Array,
  { from, claimedAt, now }: Position,
): readonly Piece[] => {
  const pieces: Piece[] = [];
  let at = offset;
  let read = 0;
  for (const chunk of chunks) {
    const known = Math.min(lengthOf(chunk), Math.max(0, from - at));
    at += lengthOf(chunk);
    read += chunk.bytes;
    if (read > body.length) throw new MessageError("the message has fewer bytes than its chunks");
    const { stream, dropped = 0 } = chunk;
    if (dropped > known) pieces.push({ kind: "gap", bytes: dropped - known, stream });
    const bytes = body.slice(read - chunk.bytes + Math.max(0, known - dropped), read);
    if (bytes.length === 0) continue;
    const written = Math.min(now, claimedAt + chunk.at);
    pieces.push({ kind: "chunk", chunk: { stream, at: written, bytes, lines: countLines(bytes) } });
  }
  if (read !== body.length) throw new MessageError("the message has more bytes than its chunks");
  return pieces;
};
