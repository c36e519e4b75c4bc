import { describe, expect, test } from "bun:test";
import { Pulse } from "../../src/engine/poller.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

const start = () => {
  const clock = new FakeClock();
  const log = recordingLog();
  const pulse = new Pulse({ clock, log });
  const begun = clock.monotonic();
  const at: number[] = [];
  const beat = (moved: () => boolean) => () => {
    at.push(clock.monotonic() - begun);
    return moved();
  };
  return { clock, log, pulse, at, beat };
};

describe("Pulse", () => {
  test("looks often while something moves", async () => {
    const { clock, pulse, at, beat } = start();
    pulse.add(beat(() => true));
    await clock.pass(100);
    expect(at).toEqual([25, 50, 75, 100]);
  });

  test("looks less and less often while all is quiet, down to a bound", async () => {
    const { clock, pulse, at, beat } = start();
    pulse.add(beat(() => false));
    await clock.pass(1_000);
    expect(at).toEqual([25, 75, 175, 375, 575, 775, 975]);
  });

  test("looks often again when something moves, and when something is added", async () => {
    const { clock, pulse, at, beat } = start();
    let moves = false;
    pulse.add(beat(() => moves));
    await clock.pass(600);
    moves = true;
    await clock.pass(200);
    expect(at.slice(-2)).toEqual([775, 800]);
    moves = false;
    await clock.pass(1_000);
    const before = at.length;
    pulse.add(() => false);
    await clock.pass(225);
    expect(at.length - before).toBeGreaterThanOrEqual(2);
  });

  test("has one timer for all, and none when nothing is left to look at", async () => {
    const { clock, pulse } = start();
    const end = [pulse.add(() => true), pulse.add(() => false)];
    expect(clock.timers).toHaveLength(1);
    for (const each of end) each();
    await clock.pass(25);
    expect(clock.timers).toEqual([]);
    pulse.add(() => false);
    expect(clock.timers).toEqual([25]);
  });

  test("goes on after a look that throws, and logs it once until it succeeds", async () => {
    const { clock, log, pulse, at, beat } = start();
    let fails = true;
    pulse.add(() => {
      if (fails) throw new Error("the descriptor is gone");
      return false;
    });
    pulse.add(beat(() => true));
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

  test("lets what is held move on between looks alone, and asks soon after it was added whether it must be held", async () => {
    const { clock, pulse, at, beat } = start();
    let isHeld = false;
    const calls: string[] = [];
    const hold = (isBusy: boolean) => {
      calls.push(isBusy ? "hold busy" : "hold");
      return isHeld;
    };
    const yieldTime = () => {
      calls.push("yield");
      return isHeld;
    };
    pulse.add(
      beat(() => true),
      { hold, yield: yieldTime },
    );
    await clock.pass(10);
    expect([at, calls]).toEqual([[], ["hold", "hold"]]);
    isHeld = true;
    calls.length = 0;
    await clock.pass(5);
    expect([at, calls]).toEqual([[15], ["hold", "hold", "hold busy", "yield", "hold"]]);
    calls.length = 0;
    await clock.pass(5);
    expect([at, calls]).toEqual([
      [15, 20],
      ["hold", "hold busy", "yield", "hold"],
    ]);
    isHeld = false;
    await clock.pass(30);
    expect(at).toEqual([15, 20, 25, 50]);
  });

  test("asks every 50 ms whether something must be held while all is quiet, and looks at once where it must", async () => {
    const { clock, pulse, at, beat } = start();
    let isHeld = false;
    const asked: number[] = [];
    const begun = clock.monotonic();
    const hold = () => {
      asked.push(clock.monotonic() - begun);
      return isHeld;
    };
    pulse.add(
      beat(() => false),
      { hold, yield: () => false },
    );
    await clock.pass(575);
    expect(at).toEqual([25, 75, 175, 375, 575]);
    expect(asked.filter((each) => each > 175)).toEqual([225, 275, 325, 375, 425, 475, 525, 575]);
    isHeld = true;
    await clock.pass(50);
    expect(at.at(-1)).toBe(625);
  });

  test("looks soon at what is added while all is quiet", async () => {
    const { clock, pulse, at, beat } = start();
    pulse.add(() => false);
    await clock.pass(400);
    pulse.add(beat(() => false));
    await clock.pass(25);
    expect(at).toEqual([425]);
  });

  test("can be left from within a look", async () => {
    const { clock, pulse } = start();
    let looks = 0;
    const end = pulse.add(() => {
      looks++;
      end();
      return true;
    });
    await clock.pass(500);
    expect(looks).toBe(1);
    expect(clock.timers).toEqual([]);
  });

  test("that is over looks at nothing", async () => {
    const { clock, pulse, at, beat } = start();
    pulse.add(beat(() => true));
    pulse[Symbol.dispose]();
    await clock.pass(500);
    expect(at).toEqual([]);
    expect(clock.timers).toEqual([]);
  });
});
