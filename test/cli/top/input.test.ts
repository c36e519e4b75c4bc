import { describe, expect, test } from "bun:test";
import type { Key } from "ink";
import { Batcher } from "../../../src/cli/top/data/batcher.ts";
import { Refresher } from "../../../src/cli/top/data/refresher.ts";
import { ClickCounter } from "../../../src/cli/top/input/click-counter.ts";
import { keyPresses } from "../../../src/cli/top/input/key-presses.ts";
import { MouseParser } from "../../../src/cli/top/input/mouse-parser.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";

const KEY = { ctrl: false, meta: false, shift: false, tab: false } as Key;

describe("keys", () => {
  test.each([
    ["j", {}, ["j"]],
    ["jjj", {}, ["j", "j", "j"]],
    ["日é", {}, ["日", "é"]],
    ["", { upArrow: true }, ["up"]],
    ["", { escape: true }, ["escape"]],
    ["", { tab: true, shift: true }, ["shift-tab"]],
    ["c", { ctrl: true }, ["ctrl-c"]],
    ["q", { meta: true }, ["escape", "q"]],
    ["", { meta: true, escape: true }, ["escape", "escape"]],
  ] as const)("of %j %j are %j", (input, fields, expected) => {
    expect(keyPresses(input, { ...KEY, ...fields })).toEqual([...expected]);
  });
});

describe("reports of the mouse", () => {
  test("are read across chunks, and everything else is ignored", () => {
    const parser = new MouseParser();
    expect(parser.read("j\u001b[A\u001b[<0;5;")).toEqual([]);
    expect(parser.read("6M\u001b[<0;5;6m\u001b[<64;1;1M\u001b[<65;1;1Mk")).toEqual([
      { kind: "press", x: 4, y: 5 },
      { kind: "wheel-up", x: 0, y: 0 },
      { kind: "wheel-down", x: 0, y: 0 },
    ]);
    expect(parser.read("\u001b[<2;5;6M")).toEqual([]);
  });

  test("are a double click if they come quickly in the same row", async () => {
    const clock = new FakeClock();
    const clicks = new ClickCounter(clock);
    const press = (y: number) => clicks.isDouble({ kind: "press", x: 1, y });
    expect([press(1), press(1), press(1)]).toEqual([false, true, false]);
    await clock.pass(500);
    expect([press(1), press(2)]).toEqual([false, false]);
  });
});

test("a batcher delivers items together, and leaves out the oldest of too many", async () => {
  const clock = new FakeClock();
  const batches: (readonly [number, number])[] = [];
  const batcher = new Batcher<number>({
    clock,
    max: 10,
    onBatch: (items, dropped) => batches.push([items.length, dropped]),
  });
  batcher.add(1);
  batcher.add(2);
  await clock.pass(100);
  for (let item = 0; item < 105; item++) batcher.add(item);
  await clock.pass(100);
  expect(batches).toEqual([
    [2, 0],
    [10, 95],
  ]);
});

test("a refresher loads once for many requests, and again after its interval", async () => {
  const clock = new FakeClock();
  let loads = 0;
  const refresher = new Refresher({
    clock,
    load: async () => {
      loads++;
    },
    intervalMs: () => 1_000,
    pollMs: 15_000,
  });
  for (let count = 0; count < 50; count++) refresher.request();
  await clock.pass(0);
  expect(loads).toBe(1);
  for (let count = 0; count < 50; count++) refresher.request();
  await clock.pass(999);
  expect(loads).toBe(1);
  await clock.pass(1);
  expect(loads).toBe(2);
  await clock.pass(15_000);
  expect(loads).toBe(3);
  refresher.stop();
  await clock.pass(60_000);
  expect(loads).toBe(3);
});
