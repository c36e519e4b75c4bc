import { describe, expect, test } from "bun:test";
import { PetitError } from "../../src/domain/errors.ts";
import { Outage } from "../../src/engine/outage.ts";
import { FakeClock, NOON } from "../support/fake-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

const full = (): PetitError => new PetitError("storage_failed", "the disk is full");

describe("an outage of the database", () => {
  const open = () => {
    const clock = new FakeClock(NOON);
    const log = recordingLog();
    const messages = () =>
      log
        .text()
        .split("\n")
        .filter((line) => line !== "")
        .map((line): unknown => JSON.parse(line).message);
    return { clock, log, messages, outage: new Outage({ clock, log }) };
  };

  test("is told of when it begins, once a minute, and when it is over", async () => {
    const { clock, log, messages, outage } = open();
    for (let second = 0; second < 130; second++) {
      expect(outage.noteFailure(full())).toBe(true);
      await clock.pass(1_000);
    }
    outage.noteSuccess();
    expect(messages()).toEqual([
      ...Array.from({ length: 3 }, () => "the database can't be written; trying again"),
      "the database can be written again",
    ]);
    expect(log.text()).toContain('"lasted_ms":130000');
  });

  test("is told of anew after it was over", () => {
    const { messages, outage } = open();
    outage.noteFailure(full());
    outage.noteSuccess();
    outage.noteFailure(full());
    expect(messages()).toHaveLength(3);
  });

  test("is not told of where there was none", () => {
    const { messages, outage } = open();
    outage.noteSuccess();
    expect(outage.noteFailure(new Error("no"))).toBe(false);
    expect(outage.noteFailure(new PetitError("not_found", "no"))).toBe(false);
    expect(messages()).toEqual([]);
  });
});
