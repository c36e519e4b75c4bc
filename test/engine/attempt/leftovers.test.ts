import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { bootId, hasMembers } from "../../../src/engine/attempt/identity.ts";
import { killLeftovers } from "../../../src/engine/attempt/process.ts";
import { type Spool, spoolOf } from "../../../src/engine/output/spool.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { type Child, startChild } from "../../support/child.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** So much memory takes a moment to be given back: a process that ends is there for that long. */
const LARGE = "import time; x = b'x' * (300 << 20); print('there', flush=True); time.sleep(60)";

/** As it was stored; started before all of its group. */
const stored = ({ pid }: Child) => ({ pid, startTime: "1", bootId: bootId() });

/** An attempt whose leader is gone and was not stored, while a process of its group lives on. */
const leave = async (spool: Spool): Promise<Child> => {
  const around = `echo $$ > "$1"; PETIT_OUTPUT="$2" python3 -c "$3" & exit 0`;
  const leader = startChild(["/bin/sh", "-c", around, "sh", spool.status, spool.outputs, LARGE]);
  await leader.said();
  await leader.exited;
  return leader;
};

const isThere = ({ pid }: Child): boolean => hasMembers({ pid, startTime: "", bootId: "" });

describe("what is left of a lost attempt", () => {
  test("is killed, and gone when that is said", async () => {
    using dir = tempDir();
    const spool = spoolOf(dir.path, 1);
    using left = await leave(spool);
    expect(isThere(left)).toBe(true);
    await killLeftovers(null, spool, systemClock);
    expect(isThere(left)).toBe(false);
  });

  test("is waited for where somebody has killed it, and it is about to end", async () => {
    using dir = tempDir();
    const spool = spoolOf(dir.path, 1);
    using left = await leave(spool);
    left.kill();
    await killLeftovers(null, spool, systemClock);
    expect(isThere(left)).toBe(false);
  });

  test("is left alone where it belongs to somebody else", async () => {
    using dir = tempDir();
    const [spool, other] = [spoolOf(dir.path, 1), spoolOf(dir.path, 2)];
    using left = await leave(other);
    writeFileSync(spool.status, `${left.pid}\n`);
    await killLeftovers(null, spool, systemClock);
    expect(isThere(left)).toBe(true);
  });

  test("is left alone where somebody else got the pid of the stored leader, led a group and went", async () => {
    using dir = tempDir();
    const [spool, other] = [spoolOf(dir.path, 1), spoolOf(dir.path, 2)];
    using left = await leave(other);
    await killLeftovers(stored(left), spool, systemClock);
    expect(isThere(left)).toBe(true);
    await killLeftovers(stored(left), other, systemClock);
    expect(isThere(left)).toBe(false);
  });

  test("is killed where it has cleared its environment, but still writes to the output of the attempt", async () => {
    using dir = tempDir();
    const spool = spoolOf(dir.path, 1);
    const around = `echo $$ > "$1"; env -i /bin/sh -c "exec 3>&1 >> $2; (echo there >&3); sleep 60" & exit 0`;
    using left = startChild(["/bin/sh", "-c", around, "sh", spool.status, spool.stdout]);
    await left.said();
    await left.exited;
    await killLeftovers(stored(left), spool, systemClock);
    expect(isThere(left)).toBe(false);
  });
});
