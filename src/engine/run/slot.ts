import type { Run } from "../../domain/run.ts";
import type { TaskProgress } from "./plan/progress.ts";
import type { RunOwner } from "./services.ts";

export type RunSlotOptions = {
  /** False if all tasks of the run have processes, so that it never gives its slot back. */
  readonly canPark: boolean;
  readonly run: () => Run;
  readonly progress: () => Iterable<TaskProgress>;
  /** Returns whether a process could start if the run had a slot. */
  readonly couldStart: () => boolean;
  readonly owner: Pick<RunOwner, "onPark" | "onUnpark">;
};

/** The phases in which a run needs its slot. */
const ACTIVE_PHASES: ReadonlySet<TaskProgress["phase"]> = new Set(["attempting", "waiting", "due"]);

/** The slot of a run, which the run gives back while it only waits for people and other runs. */
export class RunSlot {
  readonly #options: RunSlotOptions;
  #isParked = false;

  constructor(options: RunSlotOptions) {
    this.#options = options;
  }

  /** True while the run has given its slot back. */
  get isParked(): boolean {
    return this.#isParked;
  }

  /** Call it for a run of the previous process. A parked one has no slot. */
  begin({ isParked }: { readonly isParked: boolean }): void {
    this.#isParked = isParked;
  }

  /** Call it when there is a slot for the run again. Returns whether it was parked. */
  unpark(): boolean {
    const wasParked = this.#isParked;
    this.#isParked = false;
    return wasParked;
  }

  /** True unless the run only waits for people and other runs. */
  get isWanted(): boolean {
    const { progress, couldStart } = this.#options;
    for (const { phase } of progress()) if (ACTIVE_PHASES.has(phase)) return true;
    return couldStart();
  }

  /** Call it after each commit. Gives the slot back, or asks for one, as the run needs it now. */
  update(): void {
    const { canPark, run, progress, owner } = this.#options;
    if (!canPark && !this.#isParked) return;
    const isWaiting = [...progress()].some(({ phase }) => phase === "asking" || phase === "awaiting");
    if (!isWaiting && !this.#isParked) return;
    const { isWanted } = this;
    if (isWanted && this.#isParked) owner.onUnpark(run());
    if (isWanted || !isWaiting || this.#isParked) return;
    this.#isParked = true;
    owner.onPark(run());
  }
}
