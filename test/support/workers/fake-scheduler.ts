import { createHash } from "node:crypto";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Task } from "../../../src/domain/job.ts";
import type { Run } from "../../../src/domain/run.ts";
import { type LinkState, TransportError } from "../../../src/domain/workers/link.ts";
import {
  CLAIM_CONTEXT,
  type Claim,
  type Control,
  claimProofBytes,
  type Hello,
  type HelloAnswer,
  OFFER_CONTEXT,
  type Offer,
  readControlAnswer,
  type ShippedOutcome,
  type ShippedOutput,
  type Verdict,
} from "../../../src/domain/workers/protocol.ts";
import { labelSetName } from "../../../src/engine/workers/offers/label-sets.ts";
import type { RequestKind } from "../../../src/engine/workers/transport.ts";
import { anyAborted } from "../../../src/lib/abort.ts";
import { decodeFrame, type Frame } from "../../../src/lib/wire/frame.ts";
import { generateSigningKey, type SigningKey, signMessage } from "../../../src/lib/wire/signing.ts";
import type { ReceivedOffer, RequestMessage, WorkerReceiver, WorkerTransport } from "../../../src/worker/transport.ts";
import { job } from "../engine/factories.ts";

const SCHEDULER = "scheduler-1";
export const LABELS = ["gpu"];
export const SET = labelSetName(LABELS);
export const WORKER = "box7";

/** What a worker has handed over of an attempt. */
export type HandedOver = {
  output: string;
  /** Bytes of output, with those that were dropped. */
  position: number;
  dropped: number;
  outcome: ShippedOutcome | null;
};

/** A scheduler with a queue of offers, both in this process. */
export class FakeScheduler implements WorkerTransport {
  readonly key: SigningKey = generateSigningKey();
  readonly handedOver = new Map<number, HandedOver>();
  readonly hellos: Hello[] = [];
  readonly claims: Claim[] = [];
  readonly objects = new Map<string, Uint8Array>();
  readonly scripts = new Map<string, Uint8Array>();
  /** Offers that were removed from the queue, and given back. */
  removed = 0;
  givenBack = 0;
  /** True while no request has an answer. */
  isAway = false;
  /** The kind of requests that have no answer, because they are lost. */
  loses: RequestKind | null = null;
  /** How many requests were lost. */
  lost = 0;
  /** Names its connection. */
  session = "the first one";
  /** Answers claims, unless the test replaces it. */
  grant: (claim: Claim) => object = (claim) => this.granted(claim);
  verdict: (attempt: number) => Pick<Verdict, "verdict" | "end"> = () => ({ verdict: "keep", end: null });
  /** Attempts that it takes for the worker's, whatever hellos list. */
  missing: readonly number[] = [];
  refused: HelloAnswer["refused"] = null;
  lostAfterMs = 2_000;
  isDraining = false;
  /** How far its clock is ahead. */
  skewMs = 0;
  #receiver: WorkerReceiver | null = null;
  #offers: Frame[] = [];
  #delivered = 0;
  #arrived = Promise.withResolvers<void>();

  get state(): LinkState {
    return { status: "connected", server: "here" };
  }

  start(receiver: WorkerReceiver): void {
    this.#receiver = receiver;
    receiver.onState(this.state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#receiver = null;
  }

  now(): number {
    return Date.now() + this.skewMs;
  }

  /** Offers a task, and returns what is offered. */
  offer(task: Task, given: Partial<Offer> = {}): Offer {
    const offer = this.offerOf(task, given);
    this.deliver(this.signed(offer));
    return offer;
  }

  offerOf(task: Task, given: Partial<Offer> = {}): Offer {
    const { id: jobId } = job("remote");
    return {
      scheduler: SCHEDULER,
      attempt: 5,
      epoch: 1,
      labels: LABELS,
      expiresAt: this.now() + 60_000,
      job: job("remote", { tasks: [task] }),
      run: { ...RUN, jobId },
      item: null,
      attemptNumber: 3,
      scope: {
        params: {},
        config: {},
        outputs: [],
        statuses: [],
        itemCounts: [],
        item: null,
        jobId,
        runId: RUN.id,
        scheduledFor: null,
      },
      files: {},
      logLimitBytes: 1_000_000,
      artifactLimitBytes: 1_000_000,
      killGraceMs: 1_000,
      onInterrupt: "fail",
      lostAfterMs: this.lostAfterMs,
      ...given,
    };
  }

  /** Returns the message of an offer, signed by `key`. */
  signed(offer: Offer, key = this.key): Frame {
    const message = new TextEncoder().encode(JSON.stringify(offer));
    const signature = signMessage(key, { context: OFFER_CONTEXT, message });
    return { header: { signature: Buffer.from(signature).toString("base64") }, body: message };
  }

  deliver(frame: Frame): void {
    this.#offers.push(frame);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  /** Returns the answer that grants a claim, with the proof that `key` signs. */
  granted({ attempt, epoch, nonce }: Claim, key = this.key): object {
    const message = claimProofBytes({ scheduler: SCHEDULER, attempt, epoch, worker: WORKER, nonce });
    const proof = signMessage(key, { context: CLAIM_CONTEXT, message });
    return { granted: true, proof: Buffer.from(proof).toString("base64") };
  }

  putScript(content: string): { readonly sha256: string; readonly bytes: number } {
    const sha256 = createHash("sha256").update(content).digest("hex");
    this.scripts.set(sha256, new TextEncoder().encode(content));
    return { sha256, bytes: content.length };
  }

  async control(message: Control): Promise<boolean> {
    const answer = await this.#receiver?.onControl({ header: message, body: new Uint8Array() });
    return readControlAnswer(answer).done;
  }

  of(attempt: number): HandedOver {
    const known = this.handedOver.get(attempt) ?? { output: "", position: 0, dropped: 0, outcome: null };
    this.handedOver.set(attempt, known);
    return known;
  }

  async request(kind: RequestKind, { header, body }: RequestMessage): Promise<Frame> {
    await Promise.resolve();
    if (this.isAway) throw new TransportError("no_receiver", "the scheduler is away");
    if (this.loses === kind) {
      this.lost++;
      return new Promise(() => {});
    }
    return { header: this.#answer(kind, header, body ?? new Uint8Array()), body: new Uint8Array() };
  }

  #answer(kind: RequestKind, header: object, body: Uint8Array): object {
    switch (kind) {
      case "hello":
        return this.#greet(header as Hello);
      case "claim":
        this.claims.push(header as Claim);
        return this.grant(header as Claim);
      case "output":
        return this.#receive(header as ShippedOutput, body);
      case "outcome": {
        const outcome = "stored" in header ? this.#stored(String(header.stored)) : (header as ShippedOutcome);
        const known = this.of(outcome.attempt);
        if (outcome.offset > known.position) return { again: "output", offset: known.position };
        known.outcome = outcome;
        return { stored: true };
      }
    }
  }

  #stored(object: string): ShippedOutcome {
    const frame = decodeFrame(this.objects.get(object) ?? new Uint8Array());
    if (frame === null) throw new Error(`there is no outcome ${object}`);
    return frame.header as ShippedOutcome;
  }

  #greet(hello: Hello): HelloAnswer {
    this.hellos.push(hello);
    return {
      scheduler: SCHEDULER,
      session: this.session,
      protocol: 1,
      sentAt: hello.sentAt,
      now: this.now(),
      refused: this.refused,
      sets: [SET],
      verdicts: [
        ...hello.holds.map(({ scheduler, attempt, epoch }) => ({
          scheduler,
          attempt,
          epoch,
          ...this.verdict(attempt),
        })),
        ...this.missing.map(
          (attempt) => ({ scheduler: SCHEDULER, attempt, epoch: 1, verdict: "missing", end: null }) as const,
        ),
      ],
      draining: this.isDraining,
      lostAfterMs: this.lostAfterMs,
    };
  }

  #receive({ attempt, offset, chunks }: ShippedOutput, body: Uint8Array): object {
    const known = this.of(attempt);
    let [at, read] = [offset, 0];
    for (const { bytes, dropped = 0 } of chunks) {
      const end = at + bytes + dropped;
      if (at === known.position) {
        known.output += new TextDecoder().decode(body.subarray(read, read + bytes));
        known.position = end;
        known.dropped += dropped;
      }
      [at, read] = [end, read + bytes];
    }
    return { acknowledged: known.position };
  }

  async nextOffer(set: string, signal: AbortSignal): Promise<ReceivedOffer | null> {
    while (!signal.aborted && set === SET) {
      const arrived = this.#arrived.promise;
      const frame = this.#offers.shift();
      if (frame !== undefined)
        return {
          frame,
          sequence: ++this.#delivered,
          remove: () => {
            this.removed++;
          },
          giveBack: () => {
            this.givenBack++;
          },
        };
      await Promise.race([arrived, anyAborted([signal])]);
    }
    return null;
  }

  async getScript(sha256: string): Promise<Uint8Array> {
    const content = this.scripts.get(sha256);
    if (content === undefined) throw new TransportError("not_found", sha256);
    return content;
  }

  async putArtifact(object: string, content: ReadableStream<Uint8Array>): Promise<void> {
    this.objects.set(object, new Uint8Array(await new Response(content).arrayBuffer()));
  }
}

const RUN: Run = {
  id: "0198f0a0-0000-7000-8000-000000000001" as RunId,
  jobId: job("remote").id,
  versionId: 1,
  status: "running",
  reason: null,
  error: null,
  trigger: "manual",
  scheduledFor: null,
  intervalStart: null,
  params: {},
  retryOf: null,
  parent: null,
  nesting: 0,
  deliveryId: null,
  backfillId: null,
  chain: 0,
  outputs: {},
  createdAt: 1,
  startedAt: 1,
  endedAt: null,
  ending: null,
  endsCleanUps: false,
  lost: false,
  lateAt: null,
  warnings: 0,
  triggeredBy: null,
  cancelledBy: null,
  commit: null,
};
