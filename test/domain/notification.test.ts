import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  eventOfEnd,
  MAX_SENDING_DELAY_MS,
  maskedUrl,
  NOTIFY_EVENTS,
  type NotifyEvent,
  sendingDelayMs,
} from "../../src/domain/notification.ts";
import { isFinal, RUN_STATUSES } from "../../src/domain/run.ts";
import type { TextOrSecret } from "../../src/domain/secret.ts";

describe("the event of a run's end", () => {
  test.each([
    ["failed", NOTIFY_EVENTS, false, "failure"],
    ["interrupted", NOTIFY_EVENTS, true, "failure"],
    ["cancelled", NOTIFY_EVENTS, true, "cancelled"],
    ["completed", NOTIFY_EVENTS, true, "recovery"],
    ["completed", NOTIFY_EVENTS, false, "success"],
    ["completed", ["success"], true, "success"],
    ["completed", ["recovery"], false, null],
    ["completed", ["failure"], true, null],
    ["cancelled", ["failure", "recovery"], true, null],
    ["failed", ["success", "started", "missed"], false, null],
    ["running", NOTIFY_EVENTS, true, null],
    ["pending", NOTIFY_EVENTS, true, null],
  ] as const)("of a %s one, for who wants %p, after trouble %p, is %p", (status, on, broken, expected) => {
    expect(eventOfEnd(status, on, () => broken)).toBe(expected);
  });

  test.each([
    ["completed", ["output"], true, "output"],
    ["completed", ["output"], false, null],
    ["completed", ["success", "recovery", "output"], true, "output"],
    ["completed", ["success", "output"], false, "success"],
    ["failed", ["output"], true, "output"],
    ["failed", ["output"], false, null],
    ["failed", ["failure", "output"], true, "failure"],
    ["interrupted", ["output"], true, "output"],
    ["cancelled", ["output"], true, null],
    ["running", ["output"], true, null],
  ] as const)("of a %s one, for who wants %p, with output %p, is %p", (status, on, printed, expected) => {
    expect(
      eventOfEnd(
        status,
        on,
        () => true,
        () => printed,
      ),
    ).toBe(expected);
  });

  test("is always one that the target subscribes to", () => {
    const events = fc.subarray<NotifyEvent>([...NOTIFY_EVENTS]);
    fc.assert(
      fc.property(fc.constantFrom(...RUN_STATUSES), events, fc.boolean(), (status, on, broken) => {
        const event = eventOfEnd(status, on, () => broken);
        expect(event === null || on.includes(event)).toBe(true);
        if (!isFinal(status)) expect(event).toBeNull();
      }),
    );
  });
});

describe("the wait between two attempts to deliver", () => {
  test.each([
    [1, 0, 500],
    [1, 0.999, 1_000],
    [2, 0, 1_000],
    [5, 0, 8_000],
    [100, 0, MAX_SENDING_DELAY_MS / 2],
  ])("after attempt %p, by chance %p, is %p ms", (attempt, random, expected) => {
    expect(sendingDelayMs(attempt, random)).toBe(expected);
  });

  test("is never 0 and never longer than the maximum", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const delay = sendingDelayMs(attempt, random);
          expect(delay).toBeGreaterThan(0);
          expect(delay).toBeLessThanOrEqual(MAX_SENDING_DELAY_MS);
          expect(Number.isInteger(delay)).toBe(true);
        },
      ),
    );
  });
});

describe("a masked URL", () => {
  test.each<[TextOrSecret, string]>([
    ["https://hooks.example/services/T0/B0/xyz", "https://hooks.example/…"],
    ["https://hooks.example:8443/?key=xyz", "https://hooks.example:8443/…"],
    ["https://me:xyz@hooks.example/", "https://hooks.example/…"],
    ["https://hooks.example", "https://hooks.example/"],
    ["xyz", "…"],
    [{ env: "HOOK" }, "(variable HOOK)"],
    [{ file: "/run/hook" }, "(file /run/hook)"],
    [{ credential: "hook" }, "(credential hook)"],
  ])("of %p is %p", (url, expected) => {
    expect(maskedUrl(url)).toBe(expected);
  });
});
