import type { Engine } from "../engine/engine.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { EventStore } from "../store/events.ts";
import type { JobStore } from "../store/jobs.ts";
import type { NotificationStore } from "../store/notifications.ts";
import type { OccurrenceStore } from "../store/occurrences.ts";
import type { OutputStore } from "../store/output.ts";
import type { RunStore } from "../store/runs/runs.ts";
import type { RunTimeline } from "../store/runs/timeline.ts";
import type { Store } from "../store/store.ts";

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
  readonly system: SystemFacts;
  /** The dashboard's static files: null where it has none by that path. */
  readonly page?: (path: string, request: Headers) => Response | null;
};

/** What there is to know of a petit from its start on. */
export type SystemFacts = {
  readonly runtime: { readonly name: string; readonly version: string };
  /** Operating system and processor, such as `linux-x64`. */
  readonly target: string;
  /** Of the process, ms since the epoch. */
  readonly startedAt: number;
  /** Absolute; `:memory:` is none. */
  readonly dbPath: string;
  readonly schemaVersion: number;
  /** Absolute. */
  readonly jobsDir: string;
  /** Of schedules without one of their own. */
  readonly timezone: string;
  /** In the order of the help. */
  readonly settings: readonly SettingFact[];
};

/** A setting with what it is and where that came from; holds no secret. */
export type SettingFact = {
  /** As in the configuration file. */
  readonly name: string;
  /** As the configuration file would hold it; null where there is none. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly origin: "flag" | "environment" | "file" | "default";
  /** The flag, the variable, or the file; null for a default. */
  readonly from: string | null;
  /** The value for people. */
  readonly text: string;
  /** What it is for, in a sentence. */
  readonly doc: string;
};

/** What the API asks of the engine. */
export type ApiEngine = Omit<Engine, "store" | "start" | "stop" | typeof Symbol.asyncDispose>;

/** What the API reads by itself. */
export type ApiStore = {
  readonly jobs: Pick<JobStore, "getDefinition">;
  readonly runs: Pick<
    RunStore,
    "find" | "list" | "listUnfinished" | "listTaskRuns" | "listAttempts" | "listRetries" | keyof RunTimeline
  >;
  readonly output: Pick<OutputStore, "read" | "getNewestSeq" | "countLines" | "findLineSeq">;
  readonly occurrences: Pick<
    OccurrenceStore,
    "find" | "list" | "findNthUnfired" | "listUnfiredSpans" | "countByOutcome"
  >;
  readonly notifications: Pick<NotificationStore, "list" | "countWaiting">;
  readonly events: Pick<EventStore, "after" | "getNewestSeq">;
} & Pick<Store, "sizeBytes" | "sqliteVersion">;
