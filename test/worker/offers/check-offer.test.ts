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
      limits: [],
      isGuarded,
      now: scheduler.now(),
    });
    expect(checked.problem).toBe(problem);
  },
);

test.each([
  ["which the worker can't enforce are", { memoryBytes: 2 ** 30, pids: 5 }, ["memory"], "lacks_limits"],
  ["which the worker can enforce are not", { memoryBytes: 2 ** 30 }, ["memory"], null],
  ["that need not be enforced are not", { memoryBytes: 2 ** 30, enforce: "best_effort" }, [], null],
  ["that need no cgroup are not", { nice: 5 }, [], null],
] as const)("limits %s a problem of an offer", (_, limits, known, problem) => {
  const scheduler = new FakeScheduler();
  const frame = scheduler.signed(scheduler.offerOf({ ...shell("only", "true"), limits }));
  const checked = checkOffer(frame, {
    set: SET,
    trust: [scheduler.key.publicKey],
    labels: LABELS,
    allowedTypes: null,
    limits: known,
    isGuarded: true,
    now: scheduler.now(),
  });
  expect(checked.problem).toBe(problem);
});
