import type { ParamValues } from "../../../domain/run.ts";
import type {
  TopAttention,
  TopItem,
  TopJob,
  TopJobDetail,
  TopOccurrence,
  TopRun,
  TopRunDetail,
  TopSystem,
  TopTask,
  TopWorkers,
} from "../data/shapes.ts";
import type { LogBook } from "./list/log-book.ts";

/** The panels of the overview. A petit without workers has all but the last. */
export const PANELS = ["attention", "jobs", "runs", "coming", "workers"] as const;
export type Panel = (typeof PANELS)[number];
/** The lists with a cursor. */
export type ListId = Panel | "job-runs" | "tasks" | "log";

/** What fills the screen. Enter opens the next one, Esc goes back. */
export type View =
  | { readonly kind: "overview" }
  | { readonly kind: "job"; readonly jobId: string }
  | { readonly kind: "run"; readonly jobId: string; readonly runId: string }
  | {
      readonly kind: "log";
      readonly jobId: string;
      readonly runId: string;
      readonly taskId: string | null;
      readonly item: number | null;
    };

/** The log that is read: that of a run, of one of its tasks, or of an item. */
export type LogTarget = {
  readonly runId: string;
  readonly taskId: string | null;
  /** Position of an item of the task; null for all. */
  readonly item: number | null;
  readonly stderrOnly: boolean;
};

/** What a retry runs again: what did not complete, everything, one task with what waited for it, or a task with all after it. */
type RetryScope = { readonly kind: "rest" | "all" } | { readonly kind: "task" | "from"; readonly taskId: string };

/** A change that a person asked for and has confirmed. */
export type TopAction =
  | { readonly kind: "trigger"; readonly jobId: string; readonly params: ParamValues }
  | { readonly kind: "cancel"; readonly runId: string }
  | { readonly kind: "retry"; readonly runId: string; readonly scope: RetryScope }
  /** Decides about a task that waits for approval. The comment can be empty. */
  | {
      readonly kind: "approve" | "reject";
      readonly runId: string;
      readonly taskId: string;
      readonly comment: string;
    }
  /** Without a job, all schedules. */
  | { readonly kind: "pause"; readonly jobId: string | null }
  | { readonly kind: "resume"; readonly jobId: string | null }
  | { readonly kind: "reload" }
  /** Without `forMs`, until it changes. */
  | { readonly kind: "snooze"; readonly entryId: string; readonly forMs: number | null }
  | { readonly kind: "acknowledge" | "unhandle"; readonly entryId: string };

type Choice = { readonly key: string; readonly label: string; readonly action: TopAction };

export type FormField = {
  readonly name: string;
  readonly text: string;
  readonly required: boolean;
  /** Describes what to type, such as the description of a param in the job file. */
  readonly note: string;
};

/** What a form is for: the params of a run, or the comment of a decision. */
type FormPurpose =
  | { readonly kind: "trigger"; readonly jobId: string }
  | { readonly kind: "approve" | "reject"; readonly runId: string; readonly taskId: string };

/** What is in front of the view, and gets the keys. */
export type Overlay =
  | { readonly kind: "help"; readonly search: string; readonly top: number }
  | {
      readonly kind: "confirm";
      readonly title: string;
      readonly lines: readonly string[];
      readonly choices: readonly Choice[];
    }
  | {
      readonly kind: "form";
      readonly purpose: FormPurpose;
      readonly title: string;
      readonly lines: readonly string[];
      readonly fields: readonly FormField[];
      /** Index of the field with the cursor. */
      readonly field: number;
      /** False until a key was pressed. The Enter after the key that opened the form must not submit it. */
      readonly isTouched: boolean;
      /** Why petit refused it; null if it has not. */
      readonly error: string | null;
      readonly isBusy: boolean;
    };

/**
 * The position in a list. The selected item is known by its key, so that it stays selected when the list changes; null until
 * somebody has moved, so that the first item stays selected.
 */
export type Cursor = {
  readonly key: string | null;
  readonly index: number;
  /** Index of the first visible item. */
  readonly top: number;
};

type Connection =
  | { readonly state: "connected" }
  /** The screen shows what was known at `since` (ms since the Unix epoch, this machine's clock). */
  | { readonly state: "lost"; readonly since: number; readonly message: string };

export const JOB_SORTS = ["name", "status", "next"] as const;
export type JobSort = (typeof JOB_SORTS)[number];

export type TopState = {
  readonly columns: number;
  readonly rows: number;
  /** Now in ms since the Unix epoch, by the clock of petit's machine. */
  readonly now: number;
  /** Time zone for clock times. */
  readonly zone: string;
  /** Address of petit. */
  readonly base: string;
  /** By how much the clock of petit's machine is ahead, in ms. */
  readonly clockAheadMs: number;
  readonly connection: Connection;
  readonly system: TopSystem;
  readonly jobs: readonly TopJob[];
  readonly runs: readonly TopRun[];
  /** Null if this petit can't report it. */
  readonly attention: readonly TopAttention[] | null;
  /** Whether what is acknowledged or snoozed is listed; otherwise it is only counted. */
  readonly showsHandled: boolean;
  /** Null if this petit is too old to have workers. */
  readonly workers: TopWorkers | null;
  readonly job: JobData | null;
  readonly run: ShownRun | null;
  readonly log: LogData | null;
  readonly views: readonly View[];
  readonly panel: Panel;
  /** The panel that is shown below what needs attention if there is no room for all. */
  readonly tab: Exclude<Panel, "attention">;
  readonly cursors: Readonly<Partial<Record<ListId, Cursor>>>;
  readonly filters: Readonly<Partial<Record<ListId, string>>>;
  /** The list whose filter is being typed; null if none is. */
  readonly typing: ListId | null;
  readonly sort: JobSort;
  /** The task of the run whose items are listed below it; null if none is. */
  readonly itemsOf: string | null;
  readonly stderrOnly: boolean;
  /** Whether long lines of a log continue in the next row. */
  readonly wraps: boolean;
  readonly overlay: Overlay | null;
  readonly notice: TimedNotice | null;
};

export type JobData = {
  readonly jobId: string;
  readonly detail: TopJobDetail;
  readonly runs: readonly TopRun[];
  /** Coming occurrences, the earliest first. */
  readonly coming: readonly TopOccurrence[];
};

export type ShownRun = {
  readonly runId: string;
  readonly detail: TopRunDetail;
  readonly tasks: readonly TopTask[];
  /** The items of the task whose items are listed; null if there is none. */
  readonly items: { readonly taskId: string; readonly items: readonly TopItem[] } | null;
};

type LogData = {
  readonly target: LogTarget;
  /** Null until the first lines were read. */
  readonly book: LogBook | null;
  /** Whether the newest lines are shown as they arrive. */
  readonly follows: boolean;
  /** Whether earlier lines were asked for. */
  readonly isLoading: boolean;
};

/** A message in the last line, until `until` (ms, the same clock as `now`). */
export type TimedNotice = { readonly text: string; readonly isError: boolean; readonly until: number };

/** What a state needs beside the overview: the feed loads it and keeps it up to date. */
export type Watched = {
  readonly jobId: string | null;
  readonly runId: string | null;
  readonly itemsOf: string | null;
  readonly log: LogTarget | null;
};

/** Returns whether petit runs with workers, or still knows some. */
export const hasWorkers = ({ workers }: Pick<TopState, "workers">): boolean =>
  workers !== null && (workers.nats !== null || workers.count > 0);

/** Returns the panels of the overview, in their order. */
export const panelsOf = (state: Pick<TopState, "workers">): readonly Panel[] =>
  hasWorkers(state) ? PANELS : PANELS.filter((panel) => panel !== "workers");

export const viewOf = ({ views }: TopState): View => views.at(-1) ?? { kind: "overview" };

/** What a part of the screen is about: what actions are for. */
export type Subject = {
  readonly jobId: string | null;
  readonly runId: string | null;
  readonly taskId: string | null;
  /** Position of an item of the task. */
  readonly item: number | null;
};

/** Returns the list that the keys move in. */
export const activeList = (state: TopState): ListId => {
  switch (viewOf(state).kind) {
    case "overview":
      return state.panel;
    case "job":
      return "job-runs";
    case "run":
      return "tasks";
    case "log":
      return "log";
  }
};

/** Returns by how much petit's clock is ahead, in ms, as it says itself. `at` is the time here. An older petit says only how long it has run. */
export const clockAheadOf = (system: TopSystem, at: number): number => {
  const { now = system.started_at + system.uptime_ms } = system;
  return now - at;
};
