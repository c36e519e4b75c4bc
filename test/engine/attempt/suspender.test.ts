import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { resumeSuspended, Suspender } from "../../../src/engine/attempt/suspender.ts";
import { type Child, startChild } from "../../support/child.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Returns the state of a process in /proc: `S` sleeping, `T` stopped. */
const stateOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "";
};

/** Starts a session leader that prints the pids of its children and waits. */
const started = async (
  ...children: readonly string[]
): Promise<{ readonly leader: Child; readonly pids: number[] }> => {
  const script = `${children.map((each) => `${each} >/dev/null & echo $!`).join("\n")}\nwait`;
  const leader = startChild(["/bin/sh", "-c", script]);
  const pids: number[] = [];
  for (const _ of children) pids.push(Number(await leader.nextLine()));
  return { leader, pids };
};

const brakeOf = (leader: Child, dir: ReturnType<typeof tempDir>) => {
  const options = { leader: leader.pid, spool: makeSpool(dir.path, 1) };
  return { suspender: new Suspender(options), options };
};

/** Returns the first child of a process. */
const childOf = async (pid: number): Promise<number> => {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  await waitFor(() => children() !== "");
  return Number(children().split(" ")[0]);
};

describe("Suspender", () => {
  test("suspends a process with all its children, and resumes them", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60", "sleep 60");
    using _ = leader;
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    await waitFor(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "T"));
    suspender.resume();
    await waitFor(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "S"));
  });

  test("suspends a child with its own group, such as that of timeout(1)", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("timeout 60 sleep 60");
    using _ = leader;
    const sleeper = await childOf(pids[0] ?? 0);
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    await waitFor(() => stateOf(sleeper) === "T");
    suspender[Symbol.dispose]();
    await waitFor(() => stateOf(sleeper) === "S");
    process.kill(pids[0] ?? 0);
  });

  test("does nothing if a process has stopped itself", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sh -c 'kill -STOP $$; echo woken'", "sleep 60");
    using _ = leader;
    const [stopped = 0, sleeper = 0] = pids;
    await waitFor(() => stateOf(stopped) === "T");
    const { suspender } = brakeOf(leader, dir);
    suspender.suspend();
    expect(suspender.isSuspended).toBe(false);
    suspender.resume();
    expect(stateOf(stopped)).toBe("T");
    expect(stateOf(sleeper)).not.toBe("T");
  });

  test("does nothing after it is disposed, and for a process that leads no session", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60");
    using _ = leader;
    const { suspender } = brakeOf(leader, dir);
    suspender[Symbol.dispose]();
    suspender.suspend();
    const other = new Suspender({ leader: pids[0] ?? 0, spool: makeSpool(dir.path, 2) });
    other.suspend();
    expect([suspender.isSuspended, other.isSuspended]).toEqual([false, false]);
    expect(stateOf(leader.pid)).not.toBe("T");
  });

  test("leaves a marker, by which the next petit process resumes only what a killed one had suspended", async () => {
    using dir = tempDir();
    const { leader, pids } = await started("sleep 60");
    using _ = leader;
    const { suspender, options } = brakeOf(leader, dir);
    process.kill(-leader.pid, "SIGSTOP");
    await waitFor(() => stateOf(leader.pid) === "T");
    resumeSuspended(options);
    expect(stateOf(leader.pid)).toBe("T");
    process.kill(-leader.pid, "SIGCONT");
    await waitFor(() => stateOf(leader.pid) === "S");
    suspender.suspend();
    expect(existsSync(options.spool.held)).toBe(true);
    await waitFor(() => stateOf(pids[0] ?? 0) === "T");
    resumeSuspended(options);
    await waitFor(() => [leader.pid, ...pids].every((pid) => stateOf(pid) === "S"));
  });
});
