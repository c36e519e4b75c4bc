import type { TaskType } from "../../domain/job.ts";
import { limitsToEnforce } from "../../domain/limits/limits-of-task.ts";
import type { CgroupLimit } from "../../domain/limits/task-limits.ts";
import { FEATURES, lackingFeatures } from "../../domain/workers/features.ts";
import { allows, canonicalLabels, lackingLimits, serves } from "../../domain/workers/labels.ts";
import { MessageError, OFFER_CONTEXT, type Offer, readOffer, readSignedOffer } from "../../domain/workers/protocol.ts";
import { labelSetName } from "../../engine/workers/offers/label-sets.ts";
import { parseExactly } from "../../lib/json.ts";
import type { Frame } from "../../lib/wire/frame.ts";
import { isSignedByAny, type PublicKey } from "../../lib/wire/signing.ts";

/**
 * Why a worker does not run what an offer asks for:
 * - `unsigned`: it has no signature, or is not an offer.
 * - `forged`: no trusted key signed it. It may also be signed with a new key of petit, which other workers trust.
 * - `malformed`: the signed offer does not follow this version of the protocol.
 * - `expired`: it is too old.
 * - `misaddressed`: it was not sent to the workers that it is for.
 * - `type_not_allowed`: `--allow-type` does not allow the type of its task.
 * - `lacks_features`: its task uses features that this version of petit does not know.
 * - `lacks_limits`: its task has limits that this worker can't enforce.
 * - `unguarded`: it may be started elsewhere after `lost_after`, and this system can't end its processes before that.
 */
export type OfferProblem =
  | "unsigned"
  | "forged"
  | "malformed"
  | "expired"
  | "misaddressed"
  | "type_not_allowed"
  | "lacks_features"
  | "lacks_limits"
  | "unguarded";

export type CheckedOffer =
  | { readonly offer: Offer; readonly problem: null }
  | { readonly offer: Offer | null; readonly problem: OfferProblem };

export type OfferCheck = {
  /** The label set to which the message was sent; null if petit handed the offer to this worker. */
  readonly set: string | null;
  readonly trust: readonly PublicKey[];
  /** The labels of this worker. */
  readonly labels: readonly string[];
  /** Null allows all. */
  readonly allowedTypes: readonly TaskType[] | null;
  /** The limits that this worker can enforce. */
  readonly limits: readonly CgroupLimit[];
  /** False if nothing would end the processes of an attempt while the worker is cut off. */
  readonly isGuarded: boolean;
  /** The time of the scheduler. */
  readonly now: number;
};

/** Checks an offer: first its signature, then whether this worker may run it now. */
export const checkOffer = (frame: Frame | null, check: OfferCheck): CheckedOffer => {
  const signatures = frame === null ? null : signaturesOf(frame);
  if (frame === null || signatures === null) return { offer: null, problem: "unsigned" };
  const signed = { context: OFFER_CONTEXT, message: frame.body, signatures };
  if (!isSignedByAny(check.trust, signed)) return { offer: null, problem: "forged" };
  const offer = parseOffer(frame.body);
  if (offer === null) return { offer, problem: "malformed" };
  return { offer, problem: problemOf(offer, check) } as CheckedOffer;
};

const problemOf = (
  offer: Offer,
  { set, labels, allowedTypes, limits, isGuarded, now }: OfferCheck,
): OfferProblem | null => {
  const isCanonical = canonicalLabels(offer.labels).join() === offer.labels.join();
  const isHere = set === null || labelSetName(offer.labels) === set;
  if (!isCanonical || !isHere || !serves(labels, offer.labels)) return "misaddressed";
  if (now >= offer.expiresAt) return "expired";
  if (lackingFeatures({ features: FEATURES }, offer.features ?? []).length > 0) return "lacks_features";
  const [task, ...others] = offer.job.tasks;
  if (task === undefined || others.length > 0) return "malformed";
  if (!allows({ allowedTypes }, task.program.type)) return "type_not_allowed";
  if (lackingLimits({ limits }, limitsToEnforce(task, task.limits ?? {})).length > 0) return "lacks_limits";
  return offer.onInterrupt === "rerun" && !isGuarded ? "unguarded" : null;
};

const signaturesOf = ({ header }: Frame): readonly string[] | null => {
  try {
    const { signature, further = [] } = readSignedOffer(header);
    return [signature, ...further];
  } catch (error) {
    if (error instanceof MessageError) return null;
    throw error;
  }
};

const parseOffer = (body: Uint8Array): Offer | null => {
  try {
    return readOffer(parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(body)));
  } catch (error) {
    if (error instanceof MessageError || error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
};
