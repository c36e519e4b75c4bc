import type { Engine } from "../engine/engine.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { LineReads } from "../store/lines.ts";
import type { Store } from "../store/store.ts";
import type { WindowReads } from "../store/windows.ts";

export type ApiOptions = {
  readonly engine: ApiEngine;
  readonly store: ApiStore;
  readonly log: Log;
  readonly clock: Clock;
  /** petit's own. */
  readonly version: string;
  /** The address to bind. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Null where none is asked for. */
  readonly token: string | null;
  /** Origins whose pages may use the API, such as `https://ops.example.com`. */
  readonly corsOrigins: readonly string[];
  /** Further names that petit is served under, without a port. */
  readonly allowedHosts: readonly string[];
  /** This machine's name. */
  readonly hostname: string;
  /** The dashboard's static files: null where it has none by that path. */
  readonly page?: (path: string, request: Headers) => Response | null;
};

/** What the API asks of the engine. */
export type ApiEngine = Omit<Engine, "store" | "start" | "stop" | typeof Symbol.asyncDispose>;

/** What the API reads by itself. */
export type ApiStore = Pick<
  Store,
  | "findRun"
  | "listRuns"
  | "listTaskRuns"
  | "listAttempts"
  | "listOccurrences"
  | "readOutput"
  | "eventsAfter"
  | "newestEventSeq"
  | "findOccurrence"
  | "sizeBytes"
  | "unfinishedRuns"
  | "definition"
  | keyof WindowReads
  | keyof LineReads
>;
