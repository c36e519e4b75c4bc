import { randomUUID } from "node:crypto";
import type { TaskType } from "../../domain/job.ts";
import { FEATURES, lackingFeatures } from "../../domain/workers/features.ts";
import { TransportError } from "../../domain/workers/link.ts";
import type { WorkerProcess } from "../../domain/workers/process.ts";
import type { ClaimAnswer, HandedOffer, Hold, Offer } from "../../domain/workers/protocol.ts";
import { CLAIM_CONTEXT, claimProofBytes, MAX_PASSED } from "../../domain/workers/protocol.ts";
import { Repeats } from "../../domain/workers/repeats.ts";
import { limitSupportOf } from "../../engine/attempt/cgroup/support.ts";
import { isSignedByAny, type PublicKey } from "../../lib/wire/signing.ts";
import type { ReceivedKey } from "../../store/workers/received.ts";
import { type LocalAttempt, storeGranted } from "../attempt/local-attempt.ts";
import { NoAnswer } from "../contact/requests.ts";
import type { SchedulerClock } from "../contact/scheduler-clock.ts";
import type { WorkerParts } from "../parts.ts";
import type { ReceivedOffer } from "../transport.ts";
import { checkOffer, type OfferProblem } from "./check-offer.ts";
import { DamagedFile } from "./files.ts";

/** A granted and stored offer. */
export type Accepted = { readonly offer: Offer; readonly local: LocalAttempt };

/** An offer from a queue, or from the answer to a claim, which has no number. */
type AnyOffer = Omit<ReceivedOffer, "sequence"> & { readonly sequence: number | null };

export type ClaimsOptions = {
  readonly parts: WorkerParts;
  readonly name: string;
  readonly instance: string;
  readonly process: WorkerProcess;
  readonly labels: readonly string[];
  readonly allowedTypes: readonly TaskType[] | null;
  readonly trust: readonly PublicKey[];
  readonly schedulerClock: SchedulerClock;
  /** The definition that local runs refer to. */
  readonly versionId: number;
  /** Returns whether this worker has an attempt. */
  readonly hasAttempt: (key: ReceivedKey) => boolean;
  readonly onAccepted: (accepted: Accepted) => void;
  /** Called when the worker can't store an offer that it was about to take. */
  readonly onCannotStore: () => void;
};

/** The delays before an offer that this worker gives back is offered again, in ms. */
const UNANSWERED_MS = 1_000;
const NOT_FOR_ME_MS = 5_000;

/** Checks offers, and claims them. */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #pending = new Map<Promise<unknown>, ReceivedKey>();
  readonly #unstored = new Set<ReceivedKey>();
  /** Why offers were refused. One that is given back arrives again every few seconds. */
  readonly #refusals = new Repeats();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** The attempts that were granted and could not be stored, and of which the scheduler was not told that this worker lacks them. */
  get unstored(): ReadonlySet<ReceivedKey> {
    return this.#unstored;
  }

  /** Called when the scheduler has been told that this worker lacks these attempts. */
  forgetUnstored(keys: Iterable<ReceivedKey>): void {
    for (const key of keys) this.#unstored.delete(key);
  }

  /** The claims that have no answer yet. */
  get pending(): readonly Hold[] {
    return [...this.#pending.values()].map((key) => ({ ...key, state: "claiming" }));
  }

  /** Resolves when all pending claims have been answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending.keys());
  }

  /** Checks an offer, and claims it. Returns true if it was granted and stored. Never throws. */
  async consider(received: ReceivedOffer, set: string): Promise<boolean> {
    let offer: Offer | null = null;
    try {
      offer = this.#check(received, set);
      return offer !== null && (await this.#takeFirst(offer, received));
    } catch (error) {
      const { parts, onCannotStore } = this.#options;
      if (parts.detach.aborted) return false;
      received.giveBack(NOT_FOR_ME_MS);
      if (parts.storage.noteFailure(error)) onCannotStore();
      else this.#logFailure(error, offer);
      return false;
    }
  }

  #logFailure(error: unknown, offer: Offer | null): void {
    if (error instanceof DamagedFile) this.#logRefusal("warn", offer, { reason: "forged", text: error.message });
    else if (error instanceof TransportError)
      this.#logRefusal("info", offer, { reason: "no_files", text: `its files can't be fetched yet: ${error.message}` });
    else this.#options.parts.log.error({ err: error }, "cannot take an offer");
  }

  /** Takes an offer, or one that has to start before it. */
  async #takeFirst(offer: Offer, received: ReceivedOffer): Promise<boolean> {
    const passed: number[] = [];
    for (;;) {
      // If others take all that it is told to start first, it gets what it claims.
      const answer = await this.#take(offer, received, passed.length < MAX_PASSED ? passed : null);
      if (typeof answer === "boolean") return answer;
      if (await this.#takeHanded(answer)) {
        received.giveBack(0);
        return true;
      }
      passed.push(answer.attempt);
    }
  }

  /** Takes an offer that came in the answer to a claim. Returns false if this worker can't take it. */
  async #takeHanded(handed: HandedOffer): Promise<boolean> {
    const { transport } = this.#options.parts;
    let offer: Offer | null = null;
    try {
      const isInline = "offer" in handed;
      const body = isInline ? new TextEncoder().encode(handed.offer) : await transport.getScript(handed.stored);
      const received = { frame: { header: handed, body }, sequence: null, remove: () => {}, giveBack: () => {} };
      offer = this.#check(received, null);
      return offer !== null && (await this.#take(offer, received, null)) === true;
    } catch (error) {
      if (!(error instanceof DamagedFile || error instanceof TransportError)) throw error;
      this.#logFailure(error, offer);
      return false;
    }
  }

  #check(received: AnyOffer, set: string | null): Offer | null {
    const { parts, labels, allowedTypes, trust, schedulerClock, hasAttempt, onCannotStore } = this.#options;
    if (parts.storage.check() !== null) {
      received.giveBack(NOT_FOR_ME_MS);
      onCannotStore();
      return null;
    }
    const now = schedulerClock.now();
    if (now === null) {
      received.giveBack(UNANSWERED_MS);
      return null;
    }
    const isGuarded = parts.guard.isSupported;
    const { enforced: limits } = limitSupportOf(parts.cgroups.support);
    const { offer, problem } = checkOffer(received.frame, { set, trust, labels, allowedTypes, limits, isGuarded, now });
    if (problem !== null) {
      if (MAY_RUN_ELSEWHERE.has(problem)) received.giveBack(NOT_FOR_ME_MS);
      else received.remove();
      const about = offer ?? `message ${received.sequence ?? "in the answer to a claim"}`;
      this.#logRefusal("warn", about, { reason: problem, text: problemText(problem, offer) });
      return null;
    }
    if (hasAttempt(offer)) {
      received.remove();
      this.#logRefusal("debug", offer, { reason: "held", text: "this worker has the attempt" });
      return null;
    }
    // Without a lease, it could be started elsewhere at once, so this worker must not start it.
    if (offer.onInterrupt === "rerun" && !this.#takesRerun) {
      received.giveBack(UNANSWERED_MS);
      this.#logRefusal("debug", offer, {
        reason: "no_lease",
        text: "the scheduler has not answered a hello for too long",
      });
      return null;
    }
    return offer;
  }

  get #takesRerun(): boolean {
    const { guard } = this.#options.parts;
    return guard.isSupported && guard.isWithinLease;
  }

  /** Logs why an offer, or a message without a readable one, is refused. If the same was logged for it before, the level is debug. */
  #logRefusal(
    level: "debug" | "info" | "warn",
    offer: Offer | string | null,
    { reason, text }: { readonly reason: string; readonly text: string },
  ): void {
    const isReadable = offer !== null && typeof offer !== "string";
    const subject = isReadable ? `${offer.scheduler}/${offer.attempt}` : offer;
    const isNew = subject === null || this.#refusals.isNew(subject, reason);
    const fields = { ...(isReadable && fieldsOf(offer)), reason };
    this.#options.parts.log[isNew ? level : "debug"](fields, `refused an offer: ${text}`);
  }

  /**
   * Claims an offer, and stores it if it is granted. `passed`: what this worker could not take of what it was told to start first; null to
   * get this offer or none. Returns whether it was granted, or the offer that has to start first.
   */
  async #take(offer: Offer, received: AnyOffer, passed: readonly number[] | null): Promise<boolean | HandedOffer> {
    const { parts, onAccepted } = this.#options;
    const { scheduler, attempt, epoch } = offer;
    // Fetch the files before the claim, so that a granted attempt can start.
    await parts.files.obtain(offer);
    const claim = this.#claim(offer, received, passed);
    this.#pending.set(claim, { scheduler, attempt, epoch });
    try {
      const answer = await claim;
      parts.detach.throwIfAborted();
      if (answer === true) {
        received.remove();
        onAccepted({ offer, local: this.#store(offer) });
      }
      return answer;
    } finally {
      this.#pending.delete(claim);
    }
  }

  /** Stores a granted offer. If that fails, the scheduler has to be told that this worker does not have the attempt. */
  #store(offer: Offer): LocalAttempt {
    const { parts, versionId } = this.#options;
    const { scheduler, attempt, epoch } = offer;
    try {
      return storeGranted(parts.store, offer, { versionId, now: parts.clock.now() });
    } catch (error) {
      this.#unstored.add({ scheduler, attempt, epoch });
      throw error;
    }
  }

  /** Returns whether the scheduler grants the attempt to this worker, or the offer that has to start first. */
  async #claim(offer: Offer, received: AnyOffer, passed: readonly number[] | null): Promise<boolean | HandedOffer> {
    const { parts, name, instance, trust } = this.#options;
    const { scheduler, attempt, epoch } = offer;
    const nonce = randomUUID();
    try {
      const answer = await parts.requests.claim({
        scheduler,
        attempt,
        epoch,
        instance,
        process: this.#options.process,
        nonce,
        ...(received.sequence !== null && { message: received.sequence }),
        ...(passed !== null && { passed: [...passed] }),
        ...(!this.#takesRerun && { takesRerun: false }),
      });
      if (!answer.granted && answer.reason === "not_first") return answer.first;
      if (answer.granted) {
        const message = claimProofBytes({ scheduler, attempt, epoch, worker: name, nonce });
        const signatures = [answer.proof, ...(answer.further ?? [])];
        if (isSignedByAny(trust, { context: CLAIM_CONTEXT, message, signatures })) return true;
        received.remove();
        parts.log.warn({ ...fieldsOf(offer), reason: "forged" }, "refused an offer: the answer to its claim is forged");
        return false;
      }
      if (answer.isOpen) received.giveBack(NOT_FOR_ME_MS);
      else received.remove();
      const { reason } = answer;
      const [level, text] = refusalOf(reason);
      this.#logRefusal(level, offer, { reason, text });
      return false;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      received.giveBack(UNANSWERED_MS);
      parts.log.debug({ ...fieldsOf(offer), err: error }, "the claim of an offer was not answered");
      return false;
    }
  }
}

const fieldsOf = ({ attempt, epoch, run, job }: Offer) => ({ attempt, epoch, run_id: run.id, job_id: job.id });

type ClaimRefusal = Exclude<Extract<ClaimAnswer, { readonly granted: false }>["reason"], "not_first">;

/** Returns how a claim that is not granted is logged. Queues deliver offers again after their attempts were claimed, which is normal. */
const refusalOf = (reason: ClaimRefusal): readonly ["debug" | "info" | "warn", string] => {
  switch (reason) {
    case "taken":
      return ["debug", "its attempt was claimed already, or has ended"];
    case "replayed":
      return ["warn", "it is replayed"];
    case "unknown":
      return ["info", "petit does not know its attempt"];
    default:
      return ["info", "it is not granted"];
  }
};

/**
 * Another worker may run an offer with these problems: it may trust a new key of petit, or have a newer version. Offers with other problems
 * must not run anywhere.
 */
const MAY_RUN_ELSEWHERE: ReadonlySet<OfferProblem> = new Set([
  "forged",
  "malformed",
  "type_not_allowed",
  "lacks_features",
  "lacks_limits",
  "unguarded",
]);

const problemText = (problem: OfferProblem, offer: Offer | null): string =>
  problem === "lacks_features"
    ? `${PROBLEM_TEXTS[problem]}: ${lackingFeatures({ features: FEATURES }, offer?.features ?? []).join(", ")}`
    : PROBLEM_TEXTS[problem];

const PROBLEM_TEXTS: Readonly<Record<OfferProblem, string>> = {
  unsigned: "it is not signed",
  forged: "no key of --trust has signed it",
  malformed: "it does not follow the protocol of this version of petit",
  expired: "it has expired",
  misaddressed: "it is not for this worker",
  lacks_features: "this version of petit does not know features that its task uses",
  lacks_limits: "this worker can't enforce the limits of its task",
  type_not_allowed: "--allow-type does not allow the type of its task",
  unguarded: "this system can't guard tasks with on_interrupt: rerun",
};
