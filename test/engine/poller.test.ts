import { describe, expect, test } from "bun:test";
import { Poller } from "../../src/engine/poller.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

const start = () => {
  const clock = new FakeClock();
  const log = recordingLog();
  const poller = new Poller({ clock, log });
  const begun = clock.monotonic();
  const at: number[] = [];
  const poll = (moved: () => boolean) => () => {
    at.push(clock.monotonic() - begun);
    return moved();
  };
  return { clock, log, poller, at, poll };
};

describe("Poller", () => {
  test("polls often while something changes", async () => {
    const { clock, poller, at, poll } = start();
    poller.add(poll(() => true));
    await clock.pass(100);
    expect(at).toEqual([25, 50, 75, 100]);
  });

  test("polls less often while nothing changes, down to a minimum", async () => {
    const { clock, poller, at, poll } = start();
    poller.add(poll(() => false));
    await clock.pass(1_000);
    expect(at).toEqual([25, 75, 175, 375, 575, 775, 975]);
  });

  test("polls often again when something changes and when something is added", async () => {
    const { clock, poller, at, poll } = start();
    let moves = false;
    poller.add(poll(() => moves));
    await clock.pass(600);
    moves = true;
    await clock.pass(200);
    expect(at.slice(-2)).toEqual([775, 800]);
    moves = false;
    await clock.pass(1_000);
    const before = at.length;
    poller.add(() => false);
    await clock.pass(225);
    expect(at.length - before).toBeGreaterThanOrEqual(2);
  });

  test("uses one timer for all polls, and none without polls", async () => {
    const { clock, poller } = start();
    const end = [poller.add(() => true), poller.add(() => false)];
    expect(clock.timers).toHaveLength(1);
    for (const each of end) each();
    await clock.pass(25);
    expect(clock.timers).toEqual([]);
    poller.add(() => false);
    expect(clock.timers).toEqual([25]);
  });

  test("continues after a poll that throws, and logs it once until it succeeds", async () => {
    const { clock, log, poller, at, poll } = start();
    let fails = true;
    poller.add(() => {
      if (fails) throw new Error("the descriptor is gone");
      return false;
    });
    poller.add(poll(() => true));
    await clock.pass(100);
    expect(at).toEqual([25, 50, 75, 100]);
    const lines = () =>
      log
        .text()
        .split("\n")
        .filter((line) => line.includes("the descriptor is gone"));
    expect(lines()).toHaveLength(1);
    fails = false;
    await clock.pass(25);
    fails = true;
    await clock.pass(50);
    expect(lines()).toHaveLength(2);
  });

  test("lets suspended writers run only between polls, and checks flow control soon after they are added", async () => {
    const { clock, poller, at, poll } = start();
    let isSuspended = false;
    const calls: string[] = [];
    const suspend = (isBusy: boolean) => {
      calls.push(isBusy ? "suspend busy" : "suspend");
      return isSuspended;
    };
    const resume = () => {
      calls.push("resume");
      return isSuspended;
    };
    poller.add(
      poll(() => true),
      { suspend, resume },
    );
    await clock.pass(10);
    expect([at, calls]).toEqual([[], ["suspend", "suspend"]]);
    isSuspended = true;
    calls.length = 0;
    await clock.pass(5);
    expect([at, calls]).toEqual([[15], ["suspend", "suspend", "suspend busy", "resume", "suspend"]]);
    calls.length = 0;
    await clock.pass(5);
    expect([at, calls]).toEqual([
      [15, 20],
      ["suspend", "suspend busy", "resume", "suspend"],
    ]);
    isSuspended = false;
    await clock.pass(30);
    expect(at).toEqual([15, 20, 25, 50]);
  });

  test("checks flow control every 50 ms while nothing changes, and polls immediately if a writer must be suspended", async () => {
    const { clock, poller, at, poll } = start();
    let isSuspended = false;
    const asked: number[] = [];
    const begun = clock.monotonic();
    const suspend = () => {
      asked.push(clock.monotonic() - begun);
      return isSuspended;
    };
    poller.add(
      poll(() => false),
      { suspend, resume: () => false },
    );
    await clock.pass(575);
    expect(at).toEqual([25, 75, 175, 375, 575]);
    expect(asked.filter((each) => each > 175)).toEqual([225, 275, 325, 375, 425, 475, 525, 575]);
    isSuspended = true;
    await clock.pass(50);
    expect(at.at(-1)).toBe(625);
  });

  test("polls soon what is added while nothing changes", async () => {
    const { clock, poller, at, poll } = start();
    poller.add(() => false);
    await clock.pass(400);
    poller.add(poll(() => false));
    await clock.pass(25);
    expect(at).toEqual([425]);
  });

  test("lets a poll remove itself", async () => {
    const { clock, poller } = start();
    let looks = 0;
    const end = poller.add(() => {
      looks++;
      end();
      return true;
    });
    await clock.pass(500);
    expect(looks).toBe(1);
    expect(clock.timers).toEqual([]);
  });

  test("polls nothing after it is disposed", async () => {
    const { clock, poller, at, poll } = start();
    poller.add(poll(() => true));
    poller[Symbol.dispose]();
    await clock.pass(500);
    expect(at).toEqual([]);
    expect(clock.timers).toEqual([]);
  });
});
