import type { RunId } from "../../domain/ids.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { Run } from "../../domain/run.ts";
import type { AttemptDrivers } from "../attempt/driver.ts";
import type { AttemptServices } from "../attempt/run-attempt.ts";
import type { DailyFigures } from "../figures/daily-figures.ts";
import type { InternalErrors } from "../internal-errors.ts";
import type { Listeners } from "../listeners.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { CauseSearch } from "../output/cause-search.ts";
import type { TraceContexts } from "../traces/contexts.ts";

/** The parts of the engine that all runs use. */
export type RunServices = AttemptServices & {
  readonly spoolDir: string;
  readonly drivers: AttemptDrivers;
  readonly causes: CauseSearch;
  readonly notifier: Notifier;
  readonly figures: DailyFigures;
  readonly internalErrors: InternalErrors;
  /** Null if petit sends no traces. */
  readonly traces: TraceContexts | null;
  /** Those who wait for output of a run, by its id. */
  readonly outputListeners: Listeners<RunId, void>;
};

/** The functions that a run calls when its owner, `Runs`, has something to do. */
export type RunOwner = {
  /**
   * Called when the run has seen the ends of child runs, so that their slots are free for others. It calls `updateSlot`, by which the run
   * takes its own slot again first, if it needs that.
   */
  readonly onChildrenSeen: (runIds: readonly RunId[], updateSlot: () => void) => void;
  /** Called when the run only waits for people and other runs, so that its slot is free. */
  readonly onPark: (run: Run) => void;
  /** Called when it could continue; `unpark` is called when there is a slot for it. */
  readonly onUnpark: (run: Run) => void;
  /** Returns what the run only waits for; null while something of it executes. */
  readonly waitingFor: (runId: RunId) => WaitingCode | null;
  /** Called when `isResting` may have become true. */
  readonly onRest: () => void;
  /** Called once, when the end of the run is stored. */
  readonly onEnd: (run: Run) => void;
};
