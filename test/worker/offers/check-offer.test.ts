import { expect, test } from "bun:test";
import { checkOffer } from "../../../src/worker/offers/check-offer.ts";
import { shell } from "../../support/engine/factories.ts";
import { FakeScheduler, LABELS, SET } from "../../support/workers/fake-scheduler.ts";

test.each([
  { onInterrupt: "rerun", isGuarded: false, problem: "unguarded" },
  { onInterrupt: "rerun", isGuarded: true, problem: null },
  { onInterrupt: "fail", isGuarded: false, problem: null },
] as const)(
  "an offer with on_interrupt: $onInterrupt has the problem $problem if a guard is possible: $isGuarded",
  ({ onInterrupt, isGuarded, problem }) => {
    const scheduler = new FakeScheduler();
    const frame = scheduler.signed(scheduler.offerOf(shell("only", "true"), { onInterrupt }));
    const trust = [scheduler.key.publicKey];
    const checked = checkOffer(frame, {
      set: SET,
      trust,
      labels: LABELS,
      allowedTypes: null,
      isGuarded,
      now: scheduler.now(),
    });
    expect(checked.problem).toBe(problem);
  },
);
