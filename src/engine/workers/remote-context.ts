import type { Repeats } from "../../domain/workers/repeats.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { SigningKey } from "../../lib/wire/signing.ts";
import type { Store } from "../../store/store.ts";
import type { EnsureFiles } from "../attempt/ensure-files.ts";
import type { Commits } from "../commits.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import type { SchedulerTransport } from "./transport.ts";

/** What the parts that communicate with workers share. */
export type RemoteContext = {
  readonly store: Store;
  readonly commits: Commits;
  readonly clock: Clock;
  readonly log: Log;
  /** What was last logged about each worker that repeats a message that petit refuses. */
  readonly repeats: Repeats;
  readonly transport: SchedulerTransport;
  /** Each of them signs offers and granted claims. There are several while the key is replaced. */
  readonly signingKeys: readonly SigningKey[];
  /** The id of the database. */
  readonly scheduler: string;
  /** After how long without contact a worker is lost. */
  readonly lostAfterMs: number;
  readonly ensureFiles: EnsureFiles;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
  /** The attempts that have not ended, by id. */
  readonly attempts: ReadonlyMap<number, LiveAttempt>;
};
