import { describe, expect, test } from "bun:test";
import { releaseWhenIdle } from "../../../src/app/worker/release-when-idle.ts";
import type { WorkerStatus } from "../../../src/worker/worker.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";

const IDLE: WorkerStatus = {
  link: { status: "connected", server: "here" },
  isAccepted: true,
  isDraining: false,
  slots: 1,
  running: 0,
  ended: 0,
};

const observe = () => {
  const clock = new FakeClock();
  const done: string[] = [];
  let change = (): void => {};
  let status = IDLE;
  const worker = {
    get status() {
      return status;
    },
    onChange: (listener: () => void) => {
      change = listener;
      return () => true;
    },
  };
  const runtime = { collectGarbage: () => void done.push("collect"), unmapExecutable: () => void done.push("unmap") };
  const released = releaseWhenIdle(worker, { runtime, clock });
  const set = (running: number): void => {
    status = { ...IDLE, running };
    change();
  };
  return { clock, done, set, [Symbol.dispose]: () => released[Symbol.dispose]() };
};

describe("the memory of a worker", () => {
  test("is released some seconds after its last attempt, and its code twice more", async () => {
    using observed = observe();
    const { clock, done, set } = observed;
    set(0);
    await clock.pass(60_000);
    expect(done).toEqual([]);
    set(1);
    await clock.pass(60_000);
    set(0);
    await clock.pass(9_000);
    // A hello in between.
    set(0);
    expect(done).toEqual([]);
    await clock.pass(1_000);
    expect(done).toEqual(["collect", "unmap"]);
    await clock.pass(600_000);
    expect(done).toEqual(["collect", "unmap", "unmap", "unmap"]);
  });

  test("is not released while it works again", async () => {
    using observed = observe();
    const { clock, done, set } = observed;
    set(1);
    set(0);
    await clock.pass(5_000);
    set(1);
    await clock.pass(600_000);
    expect(done).toEqual([]);
  });
});
