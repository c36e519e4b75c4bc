import { constants, mkdirSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { needsCgroup } from "../../../domain/limits/task-limits.ts";
import type { Attempt } from "../../../domain/task-run.ts";
import type { Clock } from "../../../lib/clock.ts";
import { errorCode } from "../../../lib/error-message.ts";
import type { Log } from "../../../lib/log.ts";
import { readText } from "../../output/spool.ts";
import { Cgroup, type CgroupLimits, pidsIn, writeExisting } from "./cgroup.ts";
import { folderOf, parseMounts, pathOf } from "./mounts.ts";
import { LEAF, nameOf, prefixOf } from "./names.ts";
import { type CgroupSupport, wordsOf } from "./support.ts";

export type CgroupsOptions = {
  readonly support: CgroupSupport;
  readonly spoolDir: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** How often it is tried to remove the cgroups of processes that outlive their attempts, in ms. */
const RETRY_MS = 10_000;

/** How often processes are moved out of the base before that counts as failed. */
const MAX_MOVES = 20;

/**
 * The cgroups of the attempts of one spool folder. Each is a folder beside the one that petit itself has moved to, since a cgroup whose
 * resources are divided among others has no processes of its own. Nothing is touched whose name belongs to another petit.
 */
export class Cgroups implements Disposable {
  readonly #options: CgroupsOptions;
  /** By attempt, those that were created or found. */
  readonly #open = new Map<number, Cgroup>();
  /** Those of attempts that have ended, and whose processes have not. */
  readonly #left = new Set<Cgroup>();
  #isPrepared = false;
  #isExpecting = false;
  /** The file by which processes enter the cgroup of this process. */
  #own: string | null = null;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: CgroupsOptions) {
    this.#options = options;
  }

  get support(): CgroupSupport {
    return this.#options.support;
  }

  /** Creates the cgroup of a new attempt; null where petit can create none. Throws an Error with a sentence. */
  create(
    attempt: Pick<Attempt, "id" | "startedAt">,
    { limits, wrapperPids }: Omit<CgroupLimits, "controllers">,
  ): Cgroup | null {
    const { support } = this;
    if (support.kind === "none") return null;
    const { base, controllers } = support;
    this.#prepare(base, [...controllers]);
    const cgroup = new Cgroup(join(base, nameOf(this.#options.spoolDir, attempt)));
    this.#open.set(attempt.id, cgroup);
    cgroup.create({ limits, controllers, wrapperPids });
    return cgroup;
  }

  /**
   * Prepares the kernel for a process that enters a cgroup within the next few ms. The first entry after a pause waits some ms until every
   * processor knows about it (a grace period of RCU), and the ones that follow soon do not. A process that moves to where it is counts as
   * one that enters. Waits for nothing.
   */
  expectEntry(): void {
    if (!this.#isPrepared || this.#isExpecting) return;
    this.#isExpecting = true;
    this.#own ??= join(cgroupOf(process.pid) ?? "", "cgroup.procs");
    moveHere(this.#own)
      // Without the permission, entries take longer.
      .catch(() => {})
      .finally(() => {
        this.#isExpecting = false;
      });
  }

  /** Returns the cgroup of an attempt, which a previous petit process may have created; null if it has none. */
  find(attempt: Pick<Attempt, "id" | "startedAt" | "process">): Cgroup | null {
    const known = this.#open.get(attempt.id);
    if (known !== undefined) return known;
    const found = this.#look(attempt);
    if (found !== null) this.#open.set(attempt.id, found);
    return found;
  }

  /** Returns the folder that the cgroup of an attempt has, or will have if it gets one; null where petit can create none. */
  folderOf(attempt: Pick<Attempt, "id" | "startedAt" | "process">): string | null {
    const found = this.find(attempt);
    if (found !== null) return found.folder;
    return this.support.kind === "none" ? null : join(this.support.base, nameOf(this.#options.spoolDir, attempt));
  }

  /** Returns the cgroup of an attempt that only one of its processes names; null if that is in none. */
  findByProcess(pid: number, attemptId: number): Cgroup | null {
    const prefix = `${prefixOf(this.#options.spoolDir)}${attemptId}-`;
    const folder = folderOfProcess(pid, (name) => name.startsWith(prefix));
    return folder === null ? null : new Cgroup(folder);
  }

  /** Sets the limits of a running attempt again. Throws an Error with a sentence. */
  restore(cgroup: Cgroup | null, limits: CgroupLimits["limits"]): void {
    const { support } = this;
    if (cgroup === null || support.kind === "none") return;
    const { base, controllers } = support;
    // systemd disables the controllers in the cgroup of a service that it starts again.
    if (dirname(cgroup.folder) === base && needsCgroup(limits)) this.#prepare(base, [...controllers]);
    cgroup.restore(limits, controllers);
  }

  /** Removes the cgroup of an attempt whose end is stored, if it has one: when its last process has ended. */
  remove({ id }: Pick<Attempt, "id">): void {
    const cgroup = this.#open.get(id);
    if (cgroup === undefined) return;
    this.#open.delete(id);
    this.#removeOrWait(cgroup);
  }

  /** Removes the cgroups that attempts of previous petit processes have left, except of some. Their processes run on. */
  removeOthers(attemptIds: ReadonlySet<number>): void {
    if (this.support.kind === "none") return;
    const { base } = this.support;
    const prefix = prefixOf(this.#options.spoolDir);
    for (const name of namesIn(base)) {
      if (!name.startsWith(prefix) || attemptIds.has(Number.parseInt(name.slice(prefix.length), 10))) continue;
      this.#removeOrWait(new Cgroup(join(base, name)));
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #removeOrWait(cgroup: Cgroup): void {
    if (cgroup.remove()) this.#left.delete(cgroup);
    else this.#left.add(cgroup);
    if (this.#left.size === 0 || this.#cancel !== null || this.#isClosed) return;
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      for (const left of [...this.#left]) this.#removeOrWait(left);
    }, RETRY_MS);
  }

  /** A petit that was started elsewhere may have had another base. */
  #look(attempt: Pick<Attempt, "id" | "startedAt" | "process">): Cgroup | null {
    const name = nameOf(this.#options.spoolDir, attempt);
    const folders = [
      ...(attempt.process === null ? [] : [folderOfProcess(attempt.process.pid, (each) => each === name)]),
      ...(this.support.kind === "none" ? [] : [join(this.support.base, name)]),
    ];
    return (
      folders.flatMap((folder) => (folder === null ? [] : [new Cgroup(folder)])).find((each) => each.exists) ?? null
    );
  }

  /** Divides the resources of the base among the cgroups in it. Throws an Error with a sentence. */
  #prepare(base: string, controllers: readonly string[]): void {
    if (this.#isPrepared) return;
    const file = join(base, "cgroup.subtree_control");
    for (let moves = 0; ; moves++) {
      const enabled = wordsOf(file);
      const missing = controllers.filter((name) => !enabled.includes(name));
      if (missing.length === 0) break;
      try {
        writeExisting(file, missing.map((name) => `+${name}`).join(" "));
      } catch (error) {
        if (errorCode(error) !== "EBUSY" || moves === MAX_MOVES)
          throw new Error(`the resources of petit's cgroup could not be divided: ${file}: ${errorCode(error)}`, {
            cause: error,
          });
        // The base has processes: this one, and others that belong to it.
        moveToLeaf(base);
      }
    }
    this.#isPrepared = true;
    this.#options.log.debug({ cgroup: base }, "attempts with limits run in cgroups of their own");
  }
}

/** Moves the processes of the base, this one included, to the leaf. */
const moveToLeaf = (base: string): void => {
  const leaf = join(base, LEAF);
  try {
    mkdirSync(leaf);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw new Error(`${leaf} could not be created`, { cause: error });
  }
  for (const pid of pidsIn(base)) {
    if (pid === 0) throw new Error(`${base} has a process that is outside of this container`);
    try {
      writeExisting(join(leaf, "cgroup.procs"), String(pid));
    } catch (error) {
      // ESRCH: it has ended.
      if (errorCode(error) !== "ESRCH")
        throw new Error(`process ${pid} could not be moved to ${leaf}: ${errorCode(error)}`, { cause: error });
    }
  }
};

/** Returns the folder of a process that is in a cgroup with such a name or in one within it; null otherwise. */
const folderOfProcess = (pid: number, isName: (name: string) => boolean): string | null => {
  const parts = (cgroupOf(pid) ?? "").split("/");
  const index = parts.findIndex(isName);
  return index === -1 ? null : parts.slice(0, index + 1).join("/");
};

/** Returns the folder of the cgroup of a process; null if it is not visible. */
const cgroupOf = (pid: number): string | null => {
  const path = pathOf(readText(`/proc/${pid}/cgroup`) ?? "");
  return path === null ? null : (folderOf(parseMounts(readText("/proc/self/mountinfo") ?? ""), path)?.folder ?? null);
};

/** Moves this process to a cgroup, in a thread that may wait. */
const moveHere = async (procs: string): Promise<void> => {
  const file = await open(procs, constants.O_WRONLY);
  try {
    await file.write("0");
  } finally {
    await file.close();
  }
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};
