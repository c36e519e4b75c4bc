import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { resumeSuspended, Suspender } from "../../../src/engine/attempt/suspender.ts";
import { spoolOf } from "../../../src/engine/output/spool.ts";
import { type Child, startChild } from "../../support/child.ts";
import { seen } from "../../support/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** State of a process, as /proc has it: `S` sleeping, `T` stopped. */
const stateOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "";
};

/** A session leader that prints the pids of its children, and waits. */
const started = async (
  ...children: readonly string[]
): Promise<{ readonly leader: Child; readonly pids: number[] }> => {
  const script = `${children.map((each) => `${each} >/dev/null & echo $!`).join("\n")}\necho end\nwait`;
  const leader = startChild(["/bin/sh", "-c", script]);
  let text = await leader.said();
  while (!text.includes("end")) text += await leader.said();
  return { leader, pids: text.split("\n").slice(0, children.length).map(Number) };
};

const brakeOf = (leader: Child, dir: ReturnType<typeof tempDir>) => {
  const options = { leader: leader.pid, spool: spoolOf(dir.path, 1) };
  return { suspender: new Suspender(options), options };
};

/** The first child of a process that has one. */
const childOf = async (pid: number): Promise<number> => {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  await seen(() => children() !== "");
  return Number(children().split(" ")[0]);
};

describe("Suspender", () => {
  test("stops a process with all its children, and continues them", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60", "sleep 60");
    using _ = leader;
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    await seen(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "T"));
    suspender.resume();
    await seen(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "S"));
  });

  test("reaches a child with a group of its own, as timeout(1) makes one", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("timeout 60 sleep 60");
    using _ = leader;
    const sleeper = await childOf(pids[0] ?? 0);
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    await seen(() => stateOf(sleeper) === "T");
    suspender[Symbol.dispose]();
    await seen(() => stateOf(sleeper) === "S");
    process.kill(pids[0] ?? 0);
  });

  test("leaves all alone where one has stopped itself, which nobody may continue", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sh -c 'kill -STOP $$; echo woken'", "sleep 60");
    using _ = leader;
    const [stopped = 0, sleeper = 0] = pids;
    await seen(() => stateOf(stopped) === "T");
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    expect(suspender.isSuspended).toBe(false);
    suspender.resume();
    expect(stateOf(stopped)).toBe("T");
    expect(stateOf(sleeper)).not.toBe("T");
  });

  test("stops nothing once it is disposed of, nor a process that leads no session", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60");
    using _ = leader;
    const { suspender } = brakeOf(leader, dir);
    suspender[Symbol.dispose]();
    suspender.suspend();
    const other = new Suspender({ leader: pids[0] ?? 0, spool: spoolOf(dir.path, 2) });
    other.suspend();
    expect([suspender.isSuspended, other.isSuspended]).toEqual([false, false]);
    expect(stateOf(leader.pid)).not.toBe("T");
  });

  test("leaves word for the next petit, which continues what a killed one had stopped, and nothing else", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60");
    using _ = leader;
    const { suspender, options } = brakeOf(leader, dir);
    process.kill(-leader.pid, "SIGSTOP");
    await seen(() => stateOf(leader.pid) === "T");
    resumeSuspended(options);
    expect(stateOf(leader.pid)).toBe("T");
    process.kill(-leader.pid, "SIGCONT");
    await seen(() => stateOf(leader.pid) === "S");
    suspender.suspend();
    expect(existsSync(options.spool.held)).toBe(true);
    await seen(() => stateOf(pids[0] ?? 0) === "T");
    resumeSuspended(options);
    await seen(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "S"));
  });
});
