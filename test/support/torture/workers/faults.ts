import { assertNever } from "../../../../src/lib/never.ts";
import { generateSigningKey } from "../../../../src/lib/wire/signing.ts";
import { canMount } from "../../engine/faults.ts";
import type { Fleet, Member } from "../../nats/fleet.ts";
import type { Random } from "../random.ts";
import { copiedFault, secondFault, wipedFault } from "./copies.ts";
import { DiskFilling, type FullDisk, hasDisks, LONG_FULL_MS } from "./disks.ts";
import { processesOn } from "./marks.ts";
import { type Restore, restoredFault } from "./restores.ts";

/** A temporary fault of one member of the fleet, or of NATS and another one. */
export type Fault = {
  readonly name: string;
  readonly member: Member;
  readonly also?: Member;
  readonly durationMs: number;
  begin(): Promise<void>;
  /** Ends it. */
  heal(): Promise<void>;
};

export type FaultOptions = {
  readonly fleet: Fleet;
  readonly random: Random;
  readonly lostAfterMs: number;
  readonly marksDir: string;
  /** Reports something unexpected. */
  readonly surprise: (what: string) => void;
  /** Called at the end of the time in which a disk was full. */
  readonly onDiskFull: (disk: FullDisk) => void;
  /** Called before petit starts on a restored database. */
  readonly onRestored: (restore: Restore) => void;
};

/** Chooses a random fault. */
export const anyFault = (options: FaultOptions): Fault => {
  const { fleet, random } = options;
  const kind = random.pick([
    [6, "worker"],
    [3, "scheduler"],
    [2, "nats"],
  ] as const);
  if (kind === "nats") return fleet.nodes.length > 1 ? nodeFault(options) : natsFault(options);
  const member = kind === "worker" ? random.pick(fleet.workers.map((each) => [1, each] as const)) : fleet.scheduler;
  return random.next() < 0.5 ? processFault(options, member) : networkFault(options, member);
};

/** Returns a duration, which is longer than `lost_after` with the given probability. */
const durationFor = ({ random, lostAfterMs }: FaultOptions, long = 0.15): number =>
  random.next() < long ? lostAfterMs + random.between(500, 2_500) : random.between(50, Math.round(lostAfterMs * 0.7));

const processFault = (options: FaultOptions, member: Member): Fault => {
  const { random, surprise, marksDir } = options;
  const kind = member.name === "scheduler" ? "scheduler" : "worker";
  const act = random.pick([
    [4, "killed"],
    [3, "frozen"],
    [2, "restarted"],
    [kind === "worker" ? 1 : 0, "and its tasks killed"],
    [kind === "worker" ? 2 : 0, "with an old key"],
    [kind === "worker" ? 1 : 0, "wiped"],
    [kind === "worker" && canMount ? 2 : 0, "copied"],
    [kind === "scheduler" ? 1 : 0, "and a second one"],
    [kind === "scheduler" ? 2 : 0, "with a restored database"],
    [hasDisks(options.fleet) ? 3 : 0, "with a full disk"],
    [hasDisks(options.fleet) ? 1 : 0, "with a full disk killed"],
  ] as const);
  const name = `${kind} ${act}`;
  const durationMs = durationFor(options);
  const start = (): Promise<void> => member.start();
  if (act === "killed") return { name, member, durationMs, begin: () => member.kill(), heal: start };
  if (act === "frozen")
    return { name, member, durationMs, begin: async () => member.suspend(), heal: async () => member.resume() };
  if (act === "wiped") return wipedFault(options, { name, member });
  if (act === "copied") return copiedFault(options, { name, member });
  if (act === "and a second one") return secondFault(options, { name, member });
  if (act === "with a restored database") return restoredFault(options, { name, member });
  if (act === "with an old key") return oldKeyFault(options, { name, member, durationMs });
  if (act === "with a full disk" || act === "with a full disk killed") {
    const isLong = act === "with a full disk" && random.next() < 0.5;
    return fullDiskFault(options, {
      ...{ name, member, durationMs: isLong ? random.between(...LONG_FULL_MS) : durationMs },
      killedAfterMs: act === "with a full disk killed" ? random.between(0, 1_500) : null,
    });
  }
  if (act === "restarted") {
    const begin = async (): Promise<void> => {
      const status = await member.stop();
      if (status !== 0) surprise(`${member.name} stopped with ${status}`);
    };
    return { name, member, durationMs: 0, begin, heal: start };
  }
  const begin = async (): Promise<void> => {
    await member.kill();
    killAll(processesOn(marksDir, member.name));
  };
  return { name, member, durationMs, begin, heal: start };
};

/** Restarts a worker so that it trusts another key than that of the scheduler, and later again with the right one. */
const oldKeyFault = ({ fleet }: FaultOptions, fault: Pick<Fault, "name" | "member" | "durationMs">): Fault => {
  const { member } = fault;
  const restart = async (): Promise<void> => {
    await member.stop();
    await member.start();
  };
  return {
    ...fault,
    begin: async () => {
      fleet.trusts.set(member.name, generateSigningKey().publicKey);
      await restart();
    },
    heal: async () => {
      fleet.trusts.delete(member.name);
      await restart();
    },
  };
};

type FullDiskOptions = Pick<Fault, "name" | "member" | "durationMs"> & {
  /** When it is killed, in ms after its disk became full; null if it is not. It is started again when there is room. */
  readonly killedAfterMs: number | null;
};

const fullDiskFault = ({ onDiskFull }: FaultOptions, { killedAfterMs, ...fault }: FullDiskOptions): Fault => {
  const { member } = fault;
  let filling: DiskFilling | null = null;
  return {
    ...fault,
    begin: async () => {
      filling = new DiskFilling(member);
      if (killedAfterMs === null) return;
      await Bun.sleep(killedAfterMs);
      await member.kill();
    },
    heal: async () => {
      if (filling !== null) onDiskFull(filling.end());
      if (killedAfterMs !== null) await member.start();
    },
  };
};

const networkFault = (options: FaultOptions, member: Member): Fault => {
  const { random } = options;
  const kind = member.name === "scheduler" ? "scheduler" : "worker";
  const act = random.pick([
    [3, "cut"],
    [3, "stalled"],
    [3, "dropping"],
    [2, "delayed"],
  ] as const);
  const { proxy } = member;
  const begin = async (): Promise<void> => {
    if (act === "cut") proxy?.cut();
    else if (act === "stalled") proxy?.stall();
    else if (act === "dropping") proxy?.drop();
    else proxy?.delay(random.between(20, 600));
  };
  const heal = async (): Promise<void> => {
    proxy?.delay(0);
    proxy?.heal();
  };
  return { name: `${kind} ${act}`, member, durationMs: durationFor(options), begin, heal };
};

/** A limit of JetStream that only small messages fit into. */
const FULL = "max_file: 64KB";

const natsFault = (options: FaultOptions): Fault => {
  const { fleet, random } = options;
  const member = fleet.natsMember;
  const act = random.pick([
    [3, "killed"],
    [2, "frozen"],
    [1, "restarted"],
    [3, "wiped"],
    [2, "limited"],
  ] as const);
  const name = `nats ${act}`;
  const durationMs = durationFor(options, 0.1);
  if (act === "frozen")
    return { name, member, durationMs, begin: async () => member.suspend(), heal: async () => member.resume() };
  if (act === "limited") {
    const restartWith = async (limits: string): Promise<void> => {
      await member.stop();
      fleet.nats.limit(limits);
      await member.start();
    };
    return { name, member, durationMs, begin: () => restartWith(FULL), heal: () => restartWith("") };
  }
  const begin = async (): Promise<void> => {
    if (act === "restarted") await member.stop();
    else await member.kill();
    if (act === "wiped") fleet.nats.wipe();
  };
  return { name, member, durationMs: act === "restarted" ? 0 : durationMs, begin, heal: () => member.start() };
};

/** Returns a fault of one server of the cluster. Meanwhile the others have to do. */
const nodeFault = (options: FaultOptions): Fault => {
  const { fleet, random } = options;
  const node = random.pick(fleet.nodes.map((each) => [1, each] as const));
  const act = random.pick([
    [5, "killed"],
    [2, "killed, and petit restarted"],
    [2, "frozen"],
    [2, "restarted"],
    [1, "wiped"],
  ] as const);
  const fault = { name: `node ${act}`, member: fleet.natsMember, durationMs: durationFor(options) };
  const heal = (): Promise<void> => node.start();
  switch (act) {
    case "killed":
      return { ...fault, begin: () => node.kill(), heal };
    case "killed, and petit restarted": {
      const begin = async (): Promise<void> => {
        await node.kill();
        await fleet.scheduler.kill();
        await fleet.scheduler.start();
      };
      return { ...fault, also: fleet.scheduler, begin, heal };
    }
    case "frozen":
      return { ...fault, begin: async () => node.suspend(), heal: async () => node.resume() };
    case "restarted":
      return { ...fault, durationMs: 0, begin: () => node.stop(), heal };
    case "wiped": {
      const begin = async (): Promise<void> => {
        await node.kill();
        node.wipe();
      };
      return { ...fault, begin, heal };
    }
    default:
      return assertNever(act);
  }
};

/** Kills processes that may have ended already. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
};
