import type { Auth } from "../auth/auth.ts";
import type { CommitPreview, JobsHookResult, RepositoryState } from "../domain/versions/repository.ts";
import type { ReloadRequest } from "../domain/versions/version.ts";
import type { SignedRequest } from "../engine/deliveries/schemes.ts";
import type { Engine } from "../engine/engine.ts";
import type { DraftReading } from "../jobfile/read/draft.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { RunSearchAnswer, RunSearchQuery } from "../search/run-search.ts";
import type { ArtifactStore } from "../store/artifacts.ts";
import type { DeliveryStore } from "../store/deliveries.ts";
import type { DurationStore } from "../store/durations.ts";
import type { EventStore } from "../store/events.ts";
import type { JobStore } from "../store/jobs.ts";
import type { NotificationStore } from "../store/notifications.ts";
import type { OccurrenceStore } from "../store/occurrences.ts";
import type { OutputStore } from "../store/output.ts";
import type { AuditStore } from "../store/people/audit.ts";
import type { BackfillStore } from "../store/runs/backfills.ts";
import type { RunStore } from "../store/runs/runs.ts";
import type { RunTimeline } from "../store/runs/timeline.ts";
import type { Store } from "../store/store.ts";
import type { VersionStore } from "../store/versions/versions.ts";
import type { NoteStore } from "../store/workers/notes.ts";

export type ApiOptions = {
  readonly engine: ApiEngine;
  readonly store: ApiStore;
  readonly log: Log;
  readonly clock: Clock;
  /** Version of petit. */
  readonly version: string;
  /** Address to bind. */
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  readonly auth: Auth;
  /** Origins whose pages may use the API, such as `https://ops.example.com`. */
  readonly corsOrigins: readonly string[];
  /** Further names that petit is served under, without a port. */
  readonly allowedHosts: readonly string[];
  /** Name of this machine. */
  readonly hostname: string;
  readonly system: SystemFacts;
  /** URL under which people reach the dashboard; null or missing if that is not known. */
  readonly publicUrl?: string | null;
  /** The repository with the job files; null or missing if they are in a folder. */
  readonly repository?: JobRepository | null;
  /** Edits the job files; null or missing if that is not allowed. */
  readonly editor?: JobFileEditor | null;
  /** Searches the output of runs; null or missing if searches are off. */
  readonly search?: OutputSearch | null;
  /** Answers the requests of agents; null or missing if this API doesn't serve them. */
  readonly mcp?: McpHandler | null;
  /** Returns a static file of the dashboard, or null if there is none at the path. `query` of the URL begins with "?", or is empty. */
  readonly page?: (path: string, request: Headers, query: string) => Response | null;
};

/** Searches the output of runs, as the API uses it. `RunSearch` says what each does. */
export interface OutputSearch {
  find(query: RunSearchQuery): Promise<RunSearchAnswer>;
}

/** Answers a request of the Model Context Protocol. */
export type McpHandler = (call: McpCall) => Promise<Response>;

type McpCall = {
  readonly request: Request;
  /** The body of the request: a message of JSON-RPC, or several. */
  readonly message: unknown;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Answers a request of the API as if it had come over the connection of `request`. */
  readonly send: (request: Request) => Response | Promise<Response>;
};

/** The repository with the job files, as the API uses it. `GitJobs` says what each does. */
export interface JobRepository {
  readonly state: RepositoryState;
  sync(request: ReloadRequest): Promise<RepositoryState>;
  pin(revision: string, request: ReloadRequest): Promise<RepositoryState>;
  follow(request: ReloadRequest): Promise<RepositoryState>;
  preview(revision: string | null): Promise<CommitPreview>;
  receiveHook(request: SignedRequest): JobsHookResult;
}

/** The editor of the job files, as the API uses it. The class of the same name says what each does. */
export interface JobFileEditor {
  list(): Promise<readonly { readonly path: string; readonly digest: string | null }[]>;
  read(path: string): {
    readonly path: string;
    readonly text: string;
    readonly digest: string;
    readonly modifiedAt: number;
    readonly by: string | null;
  };
  check(draft: FileDraft, signal: AbortSignal): Promise<DraftCheck>;
  save(draft: FileDraft, by: string | null): Promise<{ readonly digest: string; readonly inUse: Promise<void> }>;
}

/** The text that a job file is to have. */
export type FileDraft = {
  readonly path: string;
  readonly text: string;
  /** SHA-256 of the file that it was made from, in hexadecimal; null for a new file. */
  readonly base: string | null;
};

/** What a draft would mean. Because of any error it is not saved. */
export type DraftCheck = DraftReading & {
  /** The present text of the file; null if there is none, or if it is not text. */
  readonly present: string | null;
  readonly isNew: boolean;
  readonly isUnchanged: boolean;
  readonly isChangedMeanwhile: boolean;
};

/** Facts about this process that do not change after its start. */
export type SystemFacts = {
  readonly runtime: { readonly name: string; readonly version: string };
  /** Operating system and processor, such as `linux-x64`. */
  readonly target: string;
  /** Start of the process, in ms since the Unix epoch. */
  readonly startedAt: number;
  /** Absolute path, or `:memory:`. */
  readonly dbPath: string;
  readonly schemaVersion: number;
  /** Absolute paths of petit's folders beside the database; null for a database in memory. */
  readonly artifactsDir: string | null;
  readonly spoolDir: string | null;
  /** Absolute path. */
  readonly jobsDir: string;
  /** Time zone of schedules that name none. */
  readonly timezone: string;
  /** In the order of `--help`. */
  readonly settings: readonly SettingFact[];
};

/** A setting with its value and the source of the value. Contains no secret. */
export type SettingFact = {
  /** Key in the configuration file. */
  readonly name: string;
  /** Value as in the configuration file; null if there is none. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly origin: "flag" | "environment" | "file" | "default";
  /** The flag, the variable or the file that set it; null for a default. */
  readonly from: string | null;
  /** The value as text for people. */
  readonly text: string;
  /** What it is for, as a sentence. */
  readonly doc: string;
};

/** The part of the engine that the API uses. */
export type ApiEngine = Omit<
  Engine,
  "store" | "start" | "stop" | "noteUnhandledError" | "unenforcedLimits" | "noteRepository" | typeof Symbol.asyncDispose
>;

/** The part of the store that the API reads. */
export type ApiStore = {
  readonly jobs: Pick<JobStore, "getDefinition">;
  readonly versions: Omit<VersionStore, "deleteOldUses" | "deleteUnused">;
  readonly runs: Pick<
    RunStore,
    | "find"
    | "findRecovery"
    | "findSuccessBefore"
    | "describeFailure"
    | "listCompletedDurations"
    | "listUsage"
    | "listUsageOf"
    | "listPage"
    | "listUnfinished"
    | "listTaskRuns"
    | "getTaskHistory"
    | "listAttempts"
    | "listItems"
    | "countItems"
    | "listFailedItems"
    | "listItemAttempts"
    | "listRetries"
    | keyof RunTimeline
  >;
  readonly durations: Pick<DurationStore, "listDays" | "hasOlder">;
  readonly deliveries: Pick<
    DeliveryStore,
    "find" | "findEvent" | "list" | "listFiles" | "findNthUnfired" | "listUnfiredSpans" | "countUnfired"
  >;
  readonly backfills: Pick<BackfillStore, "find" | "list" | "listUnended">;
  readonly output: Pick<OutputStore, "read" | "getNewestSeq" | "countLines" | "findLineSeq">;
  readonly artifacts: Pick<ArtifactStore, "list" | "find" | "getTotals">;
  readonly occurrences: Pick<
    OccurrenceStore,
    "find" | "list" | "findNthUnfired" | "listUnfiredSpans" | "countByOutcome"
  >;
  readonly notes: Pick<NoteStore, "list">;
  readonly notifications: Pick<NotificationStore, "list" | "countWaiting">;
  readonly events: Pick<EventStore, "after" | "getNewestSeq">;
  readonly audit: Pick<AuditStore, "list" | "addDenied">;
} & Pick<Store, "sizeBytes" | "sqliteVersion">;
