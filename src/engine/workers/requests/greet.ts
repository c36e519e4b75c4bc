import { isSuccessor } from "../../../domain/workers/process.ts";
import type { FailureAnswer, Hello, HelloAnswer, Hold, Verdict } from "../../../domain/workers/protocol.ts";
import { PROTOCOL } from "../../../domain/workers/protocol.ts";
import type { RefusedHello } from "../../../domain/workers/worker.ts";
import { assertNever } from "../../../lib/never.ts";
import type { StoredClaim } from "../../../store/workers/offers.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import type { LabelSets } from "../offers/label-sets.ts";
import type { Presence } from "../presence.ts";
import type { RemoteContext } from "../remote-context.ts";

export type GreetOptions = {
  readonly context: RemoteContext;
  readonly presence: Presence;
  readonly sets: LabelSets;
  /**
   * Called for an attempt that its worker does not have. `mayHaveRun`: the process that claimed it was another one, about which this one
   * does not know everything.
   */
  readonly onMissing: (live: LiveAttempt, about: { readonly mayHaveRun: boolean }) => void;
};

/**
 * Answers the hello of a worker. A worker lists every attempt that it was granted, until petit has the outcome, and every claim that has
 * no answer yet. If an attempt is not listed, petit asks the worker, and offers the attempt again if the worker says that it lacks it.
 * Awaits nothing, so that hellos take effect in the order in which they arrive.
 */
export const greet = (name: string, hello: Hello, options: GreetOptions): HelloAnswer | FailureAnswer => {
  const { context, presence, sets, onMissing } = options;
  const { scheduler, clock, store, lostAfterMs } = context;
  const { session } = presence;
  const keys = context.signingKeys.map(({ publicKey }) => publicKey);
  const answer = { scheduler, session, keys, protocol: PROTOCOL, sentAt: hello.sentAt, now: clock.now(), lostAfterMs };
  const refused = presence.judge(name, hello);
  if (refused === "undecided") return { failed: "unavailable" };
  if (refused !== null) logRefusal(name, hello, { refused, context });
  if (refused === "name_in_use" || refused === "copied") {
    return { ...answer, refused, sets: [], verdicts: [], draining: false };
  }
  const draining = store.workers.find(name)?.drained === true;
  const isIdle = refused !== null || draining || hello.draining || hello.leaving === true;
  const served = isIdle ? [] : sets.servedBy(hello, context.attempts.values());
  presence.note(name, hello, { refused, sets: new Set(served) });
  const verdicts = hello.holds.map((hold) => judge(hold, { name, hello, context }));
  const own = (keys: readonly Key[]): ReadonlySet<string> =>
    new Set(keys.flatMap((each) => (each.scheduler === scheduler ? [keyOf(each)] : [])));
  const [listed, lacks] = [own(hello.holds), own(hello.lacks ?? [])];
  for (const live of context.attempts.values()) {
    const { claim, offer } = live;
    if (claim?.worker !== name || claim.instance !== hello.instance || live.outcome !== null) continue;
    const key = { scheduler, attempt: offer.attemptId, epoch: offer.epoch };
    if (lacks.has(keyOf(key))) onMissing(live, { mayHaveRun: !isFollowed(claim, hello) });
    else if (!listed.has(keyOf(key))) verdicts.push({ ...key, verdict: "missing", end: live.end });
  }
  return { ...answer, refused, sets: [...served], verdicts, draining };
};

/** Returns whether the process that says hello knows everything about the one that claimed an attempt. */
const isFollowed = ({ process: before }: StoredClaim, { process }: Hello): boolean =>
  before === null || (process !== undefined && isSuccessor(process, before));

type Refused = { readonly refused: RefusedHello; readonly context: RemoteContext };

/** Logs that a worker gets no work, if that is new. */
const logRefusal = (name: string, hello: Hello, { refused, context: { log, repeats, clock } }: Refused): void => {
  const { instance, address, version, protocol } = hello;
  const isNew = repeats.isNew(`${name} hello`, `${refused} ${instance} ${protocol}`, clock.monotonic());
  log[isNew ? "warn" : "debug"]({ worker: name, address, version }, refusalText(refused, hello));
};

const refusalText = (refused: RefusedHello, { protocol, cannotStore }: Hello): string => {
  switch (refused) {
    case "protocol":
      return `a worker speaks protocol ${protocol}, and petit ${PROTOCOL}; it gets no work until both have the same version of petit`;
    case "name_in_use":
      return "another worker has this name; it gets no work";
    case "copied":
      return "a copy of the state folder of a worker that is running; it gets no work";
    case "untrusted":
      return "a worker does not trust the key of petit; it gets no work until its --trust names that key";
    case "storage":
      return `a worker can't store anything; it gets no work until it can: ${cannotStore}`;
    default:
      return assertNever(refused);
  }
};

type Key = Pick<Hold, "scheduler" | "attempt" | "epoch">;

const keyOf = ({ attempt, epoch }: Key): string => `${attempt}:${epoch}`;

type JudgeOptions = { readonly name: string; readonly hello: Hello; readonly context: RemoteContext };

const judge = (hold: Hold, options: JudgeOptions): Verdict => {
  const { scheduler, attempt, epoch } = hold;
  return { scheduler, attempt, epoch, ...verdictOf(hold, options) };
};

const verdictOf = (hold: Hold, { name, hello, context }: JudgeOptions): Pick<Verdict, "verdict" | "end"> => {
  const { scheduler, attempts, store } = context;
  if (hold.scheduler !== scheduler) return UNKNOWN;
  const live = attempts.get(hold.attempt);
  if (live?.isClaimedBy(name, hold.epoch) && live.claim?.instance === hello.instance) {
    noteProblem(live, hold, context);
    return { verdict: "keep", end: live.end };
  }
  // Its claim has been sent, but has not arrived yet.
  if (live?.isOpen && live.offer.epoch === hold.epoch && hold.state === "claiming") return KEEP;
  // An attempt that petit does not know was started by a newer state of a restored database.
  const { claim, epoch, state } = live?.offer ?? store.offers.find(hold.attempt) ?? NO_OFFER;
  const isItsOwn = claim?.worker === name && claim.instance === hello.instance && epoch === hold.epoch;
  // The outcome is being stored, or petit stops. The worker must delete nothing before the outcome is on disk, because after a crash petit
  // would ask for it again.
  if (isItsOwn && state === "claimed" && (live === undefined || live.isOver)) return KEEP;
  return KILL;
};

/** Notes what keeps the end of an attempt from reaching petit, as its worker says. */
const noteProblem = (live: LiveAttempt, { problem }: Hold, { clock }: RemoteContext): void => {
  if (live.outcome !== null) return;
  const { blocked } = live;
  if (problem !== undefined) live.blocked = { by: "nats", detail: problem, since: blocked?.since ?? clock.now() };
  else if (blocked?.by === "nats") live.blocked = null;
};

const NO_OFFER = { claim: null, epoch: 0, state: null };
const KEEP = { verdict: "keep", end: null } as const;
const KILL = { verdict: "kill", end: null } as const;
const UNKNOWN = { verdict: "unknown", end: null } as const;
