import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { bootId, hasMembers, identify, isExiting } from "../../../src/engine/attempt/identity.ts";
import { killLeftovers } from "../../../src/engine/attempt/process.ts";
import type { Spool } from "../../../src/engine/output/spool.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { type Child, startChild } from "../../support/child.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Freeing this much memory takes a moment, in which the process is visibly exiting. */
const LARGE = "import time; x = b'x' * (300 << 20); print('there', flush=True); time.sleep(60)";

/** A stored leader that started before all members of its group. */
const stored = ({ pid }: Child) => ({ pid, startTime: "1", bootId: bootId() });

/** An attempt whose leader has ended without being stored, while a process of its group is alive. */
const leave = async (spool: Spool): Promise<Child> => {
  const around = `echo $$ > "$1"; PETIT_OUTPUT="$2" python3 -c "$3" & exit 0`;
  const leader = startChild(["/bin/sh", "-c", around, "sh", spool.status, spool.outputs, LARGE]);
  await leader.nextLine();
  await leader.exited;
  return leader;
};

const isThere = ({ pid }: Child): boolean => hasMembers({ pid, startTime: "", bootId: "" });

describe("leftover processes of a lost attempt", () => {
  test("are killed, and have ended when the promise resolves", async () => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    using leftover = await leave(spool);
    expect(isThere(leftover)).toBe(true);
    await killLeftovers(null, spool, { clock: systemClock });
    expect(isThere(leftover)).toBe(false);
  });

  test("are waited for while they are exiting", async () => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    using leftover = await leave(spool);
    leftover.kill();
    await killLeftovers(null, spool, { clock: systemClock });
    expect(isThere(leftover)).toBe(false);
  });

  test("are killed if their leader was killed and is still exiting", async () => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    const around = `echo $$ > "$1"; PETIT_OUTPUT="$2" sleep 60 & exec python3 -c "$3"`;
    using leader = startChild(["/bin/sh", "-c", around, "sh", spool.status, spool.outputs, LARGE]);
    await leader.nextLine();
    process.kill(leader.pid, "SIGKILL");
    await waitFor(() => isExiting(leader.pid) || identify(leader.pid) === null);
    await killLeftovers(null, spool, { clock: systemClock });
    expect(isThere(leader)).toBe(false);
  });

  test("are leftover alone if they belong to another program", async () => {
    using dir = tempDir();
    const [spool, other] = [makeSpool(dir.path, 1), makeSpool(dir.path, 2)];
    using leftover = await leave(other);
    writeFileSync(spool.status, `${leftover.pid}\n`);
    await killLeftovers(null, spool, { clock: systemClock });
    expect(isThere(leftover)).toBe(true);
  });

  test("are leftover alone if another program reused the leader's pid for a group and ended", async () => {
    using dir = tempDir();
    const [spool, other] = [makeSpool(dir.path, 1), makeSpool(dir.path, 2)];
    using leftover = await leave(other);
    await killLeftovers(stored(leftover), spool, { clock: systemClock });
    expect(isThere(leftover)).toBe(true);
    await killLeftovers(stored(leftover), other, { clock: systemClock });
    expect(isThere(leftover)).toBe(false);
  });

  test("are killed if they cleared their environment but write to the attempt's output", async () => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    const around = `echo $$ > "$1"; env -i /bin/sh -c "exec 3>&1 >> $2; (echo there >&3); sleep 60" & exit 0`;
    using leftover = startChild(["/bin/sh", "-c", around, "sh", spool.status, spool.stdout]);
    await leftover.nextLine();
    await leftover.exited;
    await killLeftovers(stored(leftover), spool, { clock: systemClock });
    expect(isThere(leftover)).toBe(false);
  });
});
