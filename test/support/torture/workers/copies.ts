import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateDirOf } from "../../nats/fleet.ts";
import { startLoggedProcess } from "../../petit/logged-process.ts";
import { baseEnvironment, petitCommand } from "../../petit/petit.ts";
import { eventually } from "../run.ts";
import type { Fault, FaultOptions } from "./faults.ts";

type Named = Pick<Fault, "name" | "member">;

/** How long petit may take to notice that a worker is lost, or to refuse a copy, while other members have faults, in ms. */
const LIMIT_MS = 60_000;

/** Kills a worker and deletes all that it keeps. Its name is free when it is lost. Then it starts as a new worker. */
export const wipedFault = (options: FaultOptions, fault: Named): Fault => {
  const { fleet, lostAfterMs } = options;
  const { member } = fault;
  const { name } = member;
  /** A worker that was killed before it reached petit is not listed. */
  const isFree = async (): Promise<boolean> => {
    const response = await fleet.fetch("/api/workers", { signal: AbortSignal.timeout(3_000) });
    const { workers } = (await response.json()) as { readonly workers: readonly Worker[] };
    const state = workers.find((each) => each.name === name)?.state ?? "gone";
    return state === "lost" || state === "gone";
  };
  return {
    ...fault,
    durationMs: lostAfterMs,
    begin: async () => {
      await member.kill();
      const folder = stateDirOf(fleet.scheduler.dir, name);
      for (const each of readdirSync(folder)) rmSync(join(folder, each), { recursive: true });
    },
    heal: async () => {
      const check = async (): Promise<true | null> => ((await isFree().catch(() => false)) ? true : null);
      await eventually(`petit has lost ${name}`, check, LIMIT_MS);
      await member.start();
    },
  };
};

type Worker = { readonly name: string; readonly state: string };

/** Copies the state folder of a worker, as a snapshot of its machine does, and starts a worker that has the copy at the same path. */
export const copiedFault = (options: FaultOptions, fault: Named): Fault => {
  const { fleet, surprise } = options;
  const worker = fleet.workers.find(({ name }) => name === fault.member.name);
  const place = stateDirOf(fleet.scheduler.dir, fault.member.name);
  return {
    ...fault,
    also: fleet.scheduler,
    durationMs: 0,
    begin: async () => {
      const copy = mkdtempSync(join(tmpdir(), "petit-copied-state-"));
      fault.member.suspend();
      cpSync(place, copy, { recursive: true });
      fault.member.resume();
      const ended = await worker?.runCopy({ copy, place, limitMs: LIMIT_MS });
      rmSync(copy, { recursive: true });
      if (ended?.status !== 4) surprise(`a copy of ${fault.member.name} exited with ${ended?.status}: ${ended?.log}`);
    },
    heal: async () => {},
  };
};

/** How long a second petit runs, in ms. It must not take the account: that takes longer, even if nobody has it. */
const SECOND_MS = [1_000, 6_000] as const;

/** Starts another petit, with a database of its own, on the same account of NATS. */
export const secondFault = (options: FaultOptions, fault: Named): Fault => {
  const { fleet, random, surprise } = options;
  return {
    ...fault,
    also: fleet.natsMember,
    durationMs: 0,
    begin: async () => {
      const dir = mkdtempSync(join(tmpdir(), "petit-second-"));
      mkdirSync(join(dir, "jobs"));
      const second = await startLoggedProcess({
        argv: [
          ...petitCommand(),
          ...["run", join(dir, "jobs"), "--db", join(dir, "petit.db"), "--api-port", "0", "--nats", fleet.nats.url],
          ...["--nats-signing-key", fleet.keyFile],
        ],
        cwd: dir,
        env: baseEnvironment(dir),
        readyMessage: "petit is ready",
      });
      await Bun.sleep(random.between(...SECOND_MS));
      await second.end("SIGTERM");
      if (second.stderr().includes('"connected to NATS"'))
        surprise(`a second petit got the account: ${second.stderr()}`);
      rmSync(dir, { recursive: true });
    },
    heal: async () => {},
  };
};
