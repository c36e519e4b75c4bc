import { lackingFeatures } from "../../../domain/workers/features.ts";
import { lackingLimits, serves } from "../../../domain/workers/labels.ts";
import { CLAIM_CONTEXT, type Claim, type ClaimAnswer, claimProofBytes } from "../../../domain/workers/protocol.ts";
import { signAll } from "../../../lib/wire/signing.ts";
import type { AddHooks } from "../../commits.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import type { Outbox } from "../offers/outbox.ts";
import type { WaitingOffers } from "../offers/waiting-offers.ts";
import type { Presence } from "../presence.ts";
import type { RemoteContext } from "../remote-context.ts";

export type ClaimOptions = {
  readonly context: RemoteContext;
  readonly presence: Presence;
  /** Knows which messages petit has published. */
  readonly outbox: Pick<Outbox, "isForeign" | "hand">;
  readonly waiting: Pick<WaitingOffers, "firstBefore">;
  /** Called when a worker has claimed an attempt. */
  readonly onClaimed: (live: LiveAttempt) => void;
};

type NotFirst = Extract<ClaimAnswer, { readonly reason: "not_first" }>;
type Refusal = Exclude<ClaimAnswer, { readonly granted: true } | NotFirst>;

/** Answers the claim of a worker, and logs it if its offer was replayed. Rejects with `storage_failed`. */
export const answerClaim = async (worker: string, claim: Claim, options: ClaimOptions): Promise<ClaimAnswer> => {
  const answer = await decide(worker, claim, options);
  const { context, outbox } = options;
  const { attempt, epoch, message } = claim;
  const isTaken = !answer.granted && answer.reason === "taken";
  if (!isTaken || message === undefined || !outbox.isForeign(attempt, message)) return answer;
  context.log.warn(
    { worker, attempt, epoch },
    "an offer was replayed: petit did not publish the message that a worker got",
  );
  return refused("replayed");
};

/**
 * Decides about the claim of a worker. If another attempt has to start before, its offer is the answer. Otherwise the row of the offer
 * has one winner; a repeated request of the winner is granted again. Resolves when the claim is on disk. Rejects with `storage_failed`.
 */
const decide = async (worker: string, claim: Claim, options: ClaimOptions): Promise<ClaimAnswer> => {
  const { context } = options;
  if (claim.scheduler !== context.scheduler) return refused("unknown");
  const live = context.attempts.get(claim.attempt);
  if (live === undefined) return refuseUnknown(claim, context);
  const claiming = { worker, claim, live, options };
  const refusal = refuseWorker(claiming);
  if (refusal !== null) return refusal;
  const first = findFirst(claiming);
  const handed = first === null ? null : await options.outbox.hand(first);
  if (handed !== null) return { granted: false, reason: "not_first", isOpen: true, first: handed };
  const outcome = await live.whileClaimed(() =>
    context.commits.enqueue((addHooks): Refusal | null => {
      if (live.isOver || live.offer.epoch !== claim.epoch) return refused("taken");
      const { claim: winner } = live;
      if (winner !== null) return isRepeated(claiming, winner) ? null : refused("taken");
      // In the same transaction as the claim: once a drain is stored, no claim is granted.
      if (context.store.workers.find(worker)?.drained === true) return stillOpen("drained");
      return store(claiming, addHooks);
    }),
  );
  if (outcome !== null) return outcome;
  const message = claimProofBytes({ ...claim, worker });
  const [proof = "", ...further] = signAll(context.signingKeys, { context: CLAIM_CONTEXT, message });
  return { granted: true, proof, ...(further.length > 0 && { further }) };
};

const refused = (reason: Refusal["reason"]): Refusal => ({ granted: false, reason, isOpen: false });
const stillOpen = (reason: Refusal["reason"]): Refusal => ({ granted: false, reason, isOpen: true });

const refuseUnknown = ({ attempt, epoch }: Claim, { store }: RemoteContext): Refusal => {
  const offer = store.offers.find(attempt);
  if (offer === null) return refused("unknown");
  return offer.state === "offered" && offer.epoch === epoch ? stillOpen("not_ready") : refused("taken");
};

type Claiming = {
  readonly worker: string;
  readonly claim: Claim;
  /** The attempt that it is of. */
  readonly live: LiveAttempt;
  readonly options: ClaimOptions;
};

const refuseWorker = ({ worker, claim, live, options }: Claiming): Refusal | null => {
  const { context, presence } = options;
  const { instance, process } = claim;
  const contact = presence.find(worker, instance);
  if (contact === null) return stillOpen(presence.contacts.has(worker) ? "name_in_use" : "not_ready");
  if (contact.hello.process?.id !== process?.id) return stillOpen("copied");
  if (contact.refused !== null) return stillOpen(contact.refused);
  // A worker whose hellos do not arrive could be declared lost at once.
  if (presence.silentMs(worker, instance) >= context.lostAfterMs / 2) return stillOpen("not_ready");
  const { features, limits } = live.needs;
  const lacks = [...lackingFeatures(contact.hello, features), ...lackingLimits(contact.hello, limits)];
  const isServed = serves(contact.hello.labels, live.offer.labels);
  if (isServed && lacks.length === 0) return null;
  if (isServed)
    context.log.debug(
      { ...live.logFields, worker, lacks },
      "a worker claims an attempt whose features it lacks, or whose limits it can't enforce",
    );
  else context.log.warn({ ...live.logFields, worker }, "a worker claims an attempt whose labels it does not have");
  return stillOpen("labels");
};

/** Returns the attempt that has to start before the one that a worker claims, if the worker can start another one. */
const findFirst = ({ worker, claim, live, options }: Claiming): LiveAttempt | null => {
  const { presence, waiting } = options;
  const contact = presence.find(worker, claim.instance);
  if (claim.passed === undefined || contact === null) return null;
  // A claim that is too late, or that is repeated, changes nothing.
  if (!live.isOpen || live.offer.epoch !== claim.epoch) return null;
  return waiting.firstBefore(live, { ...contact.hello, ...claim });
};

const isRepeated = ({ worker, claim }: Claiming, winner: NonNullable<LiveAttempt["claim"]>): boolean =>
  winner.worker === worker && winner.instance === claim.instance && winner.nonce === claim.nonce;

const store = (claiming: Claiming, addHooks: AddHooks): Refusal | null => {
  const { worker, claim, live, options } = claiming;
  const { context, onClaimed } = options;
  const { attempt, context: of, now: clock } = live.options;
  const { offer } = live;
  const { runs, offers } = context.store;
  const now = clock();
  const stored = { worker, instance: claim.instance, process: claim.process ?? null, nonce: claim.nonce, at: now };
  if (!offers.claim(offer, stored)) {
    // Another claim in the same transaction won.
    const winner = offers.find(live.id)?.claim ?? null;
    return winner !== null && isRepeated(claiming, winner) ? null : refused("taken");
  }
  const { id, jobId } = of.run;
  runs.claimAttempt({ id, jobId }, attempt, { worker, now });
  addHooks({
    onCommit: () => {
      live.offer = { ...offer, state: "claimed", claim: stored };
      onClaimed(live);
    },
  });
  return null;
};
