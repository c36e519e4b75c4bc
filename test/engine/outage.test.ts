import { describe, expect, test } from "bun:test";
import { PetitError } from "../../src/domain/errors.ts";
import { refuse } from "../../src/domain/refusal.ts";
import { Outage } from "../../src/engine/outage.ts";
import { FakeClock, NOON } from "../support/engine/fake-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

const full = (): PetitError => new PetitError("storage_failed", "the disk is full");

const locked = (): PetitError => refuse({ reason: "storage_failed", fault: { code: "database_locked", pid: null } });

describe("an outage of the database", () => {
  const open = (probe = (): void => {}) => {
    const clock = new FakeClock(NOON);
    const log = recordingLog();
    const messages = () =>
      log
        .text()
        .split("\n")
        .filter((line) => line !== "")
        .map((line): unknown => JSON.parse(line).message);
    return { clock, log, messages, outage: new Outage({ clock, log, probe, signal: new AbortController().signal }) };
  };

  test("is logged when it begins, once a minute, and when it ends", async () => {
    const { clock, log, messages, outage } = open();
    for (let second = 0; second < 130; second++) {
      expect(outage.noteFailure(full())).toBe(true);
      await clock.pass(1_000);
    }
    outage.noteSuccess();
    expect(messages()).toEqual([
      ...Array.from({ length: 3 }, () => "cannot write to the database; retrying"),
      "the database is writable again",
    ]);
    expect(log.text()).toContain('"lasted_ms":130000');
  });

  test("is logged again after it has ended", () => {
    const { messages, outage } = open();
    outage.noteFailure(full());
    outage.noteSuccess();
    outage.noteFailure(full());
    expect(messages()).toHaveLength(3);
  });

  test("is not logged if there is none", () => {
    const { messages, outage } = open();
    outage.noteSuccess();
    expect(outage.noteFailure(new Error("no"))).toBe(false);
    expect(outage.noteFailure(new PetitError("not_found", "no"))).toBe(false);
    expect(messages()).toEqual([]);
  });

  test("caused by a lock ends when a probe succeeds, and wakes its waiters", async () => {
    let isLocked = true;
    let probes = 0;
    const { clock, messages, outage } = open(() => {
      probes++;
      if (isLocked) throw locked();
    });
    outage.noteFailure(locked());
    expect(outage.isLocked).toBe(true);
    const waited = Array.from({ length: 100 }, () => outage.wait(3_600_000));
    await clock.pass(1_000);
    expect(probes).toBe(20);
    expect(outage.durationMs).toBe(1_000);
    isLocked = false;
    await clock.pass(50);
    await Promise.all(waited);
    expect(outage.isLocked).toBe(false);
    expect(messages()).toEqual(["cannot write to the database; retrying", "the database is writable again"]);
    expect(clock.timers).toEqual([]);
  });

  test("that changes from a lock to a full disk is not a lock, and can become one again", async () => {
    let error = full();
    const { clock, outage } = open(() => {
      throw error;
    });
    outage.noteFailure(locked());
    const waited = outage.wait(3_600_000);
    await clock.pass(50);
    await waited;
    expect(outage.isLocked).toBe(false);
    expect(outage.error).toBe(error);
    error = locked();
    outage.noteFailure(error);
    expect(outage.isLocked).toBe(true);
    let isOver = false;
    void outage.wait(10_000).then(() => {
      isOver = true;
    });
    await clock.pass(5_000);
    expect(isOver).toBe(false);
    await clock.pass(5_000);
    expect(isOver).toBe(true);
  });
});
