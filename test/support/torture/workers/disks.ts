import { readFileSync } from "node:fs";
import { canMount } from "../../engine/faults.ts";
import type { Fleet, Member } from "../../nats/fleet.ts";

/** When the disk of a machine was full. Times are in seconds since boot, as those of marks. */
export type FullDisk = {
  readonly machine: string;
  readonly fromS: number;
  /** When everything that failed because of it must have ended. */
  readonly toS: number;
  /** The longest periods in which nothing freed space. */
  readonly periods: readonly (readonly [fromS: number, toS: number])[];
};

const MIB = 2 ** 20;

/** Returns the sizes of the disks of a fleet that has to stand this many faults; null if this user can't mount any. */
export const disksFor = (faults: number): { readonly scheduler: number; readonly worker: number } | null =>
  canMount ? { scheduler: (128 + faults) * MIB, worker: 64 * MIB } : null;

/** A worker with less free space takes nothing. */
const WORKER_NEEDS_BYTES = MIB;

/** How often space that was freed is filled again, in ms. */
const REFILL_MS = 20;

/** How long after the end of the fault a task that began before can fail because of it, in seconds. */
const AFTER_S = 1;

/** Fills the disk of a member, and whatever is freed on it, until `end` is called. */
export class DiskFilling {
  readonly #member: Member;
  readonly #fromS = uptimeS();
  readonly #periods: (readonly [number, number])[] = [];
  #since = this.#fromS;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(member: Member) {
    this.#member = member;
    this.#refill();
    this.#timer = setInterval(() => this.#refill(), REFILL_MS);
  }

  #refill(): void {
    const { disk } = this.#member;
    if (disk === null || disk.freeBytes === 0) return;
    if (disk.freeBytes >= WORKER_NEEDS_BYTES) this.#endPeriod();
    disk.fill();
  }

  #endPeriod(): void {
    this.#periods.push([this.#since, uptimeS()]);
    this.#since = uptimeS();
  }

  /** Frees the disk. */
  end(): FullDisk {
    clearInterval(this.#timer);
    this.#endPeriod();
    this.#member.disk?.free();
    const { name } = this.#member;
    return { machine: name, fromS: this.#fromS, toS: uptimeS() + AFTER_S, periods: this.#periods };
  }
}

/** Returns whether a disk was full at some time between two instants. */
export const wasFull = (
  disks: readonly FullDisk[],
  { machine, fromS, toS }: { readonly machine: string; readonly fromS: number; readonly toS: number },
): boolean => disks.some((disk) => disk.machine === machine && disk.fromS <= toS && fromS <= disk.toS);

/**
 * How long after its disk became full a worker can begin an attempt, in seconds: the answer to its last claim may be late, and it may
 * still find room for what it has to store about it.
 */
const LAST_CLAIM_S = 6;

/** Returns whether a worker began something at an instant at which it had to take nothing. */
export const tookTooLate = (disks: readonly FullDisk[], machine: string, atS: number): boolean =>
  disks.some(
    (disk) => disk.machine === machine && disk.periods.some(([fromS, toS]) => fromS + LAST_CLAIM_S < atS && atS < toS),
  );

/** A duration in ms in which a worker whose disk is full must stop taking work. */
export const LONG_FULL_MS = [7_000, 11_000] as const;

export const uptimeS = (): number => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);

/** Returns the member with a disk, if the fleet has such. */
export const hasDisks = ({ scheduler }: Fleet): boolean => scheduler.disk !== null;
