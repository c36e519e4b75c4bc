import { expect, test } from "bun:test";
import { releaseMemoryLater } from "../../src/app/release-memory.ts";
import { silentLog } from "../../src/lib/log.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";

const makeRelease = (isHeavy: boolean) => {
  const clock = new FakeClock();
  const calls: string[] = [];
  const runtime = { collectGarbage: () => void calls.push("collect"), unmapExecutable: () => void calls.push("unmap") };
  const ended = Promise.withResolvers<void>();
  const release = releaseMemoryLater({ runtime, clock, log: silentLog, isHeavy, after: ended.promise });
  return { clock, calls, ended, release };
};

test.each([
  { isHeavy: true, expected: ["collect", "unmap"] },
  { isHeavy: false, expected: ["unmap"] },
])(
  "memory is released some seconds after the last work of the start (much garbage: $isHeavy)",
  async ({ isHeavy, expected }) => {
    const { clock, calls, ended, release } = makeRelease(isHeavy);
    using _ = release;
    await clock.pass(60_000);
    expect(calls).toEqual([]);
    ended.resolve();
    await clock.pass(4_000);
    expect(calls).toEqual([]);
    await clock.pass(2_000);
    expect(calls).toEqual([...expected]);
  },
);

test("code is released again when petit has been idle for a while", async () => {
  const { clock, calls, ended, release } = makeRelease(false);
  using _ = release;
  ended.resolve();
  await clock.pass(11_000);
  expect(calls).toEqual(["unmap", "unmap"]);
  await clock.pass(1_000_000);
  expect(calls).toEqual(["unmap", "unmap", "unmap", "unmap"]);
});

test("no memory is released after the stop", async () => {
  const { clock, calls, ended, release } = makeRelease(true);
  ended.resolve();
  await clock.pass(1_000);
  release[Symbol.dispose]();
  await clock.pass(60_000);
  expect(calls).toEqual([]);
});
