import type { LiveEvent } from "../../../client/live-event.ts";
import type { TopAttention, TopJob, TopJobDetail, TopRun, TopSystem, TopWorkers } from "../data/shapes.ts";
import type { BookLine } from "./list/log-book.ts";
import type { JobData, LogTarget, ShownRun, TopAction, TopState } from "./state.ts";

/** A key of the keyboard: `name` for special keys and with Ctrl, such as `up` or `ctrl-c`; else the character. */
export type KeyPress = string;

export type MouseEvent = {
  readonly kind: "press" | "wheel-up" | "wheel-down";
  /** From 0. */
  readonly x: number;
  readonly y: number;
};

/** Everything that can change the state. */
export type Message =
  | { readonly kind: "key"; readonly key: KeyPress }
  /** A pasted text is only for what takes text, so that no part of it is taken for a key. */
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "mouse"; readonly event: MouseEvent; readonly isDouble: boolean }
  | { readonly kind: "resized"; readonly columns: number; readonly rows: number }
  /** `at` is the clock of this machine. */
  | { readonly kind: "tick"; readonly at: number }
  | { readonly kind: "connected" }
  | { readonly kind: "disconnected"; readonly at: number; readonly message: string }
  | { readonly kind: "events"; readonly events: readonly LiveEvent[] }
  | { readonly kind: "system"; readonly system: TopSystem; readonly at: number }
  | { readonly kind: "jobs"; readonly jobs: readonly TopJob[] }
  | { readonly kind: "runs"; readonly runs: readonly TopRun[] }
  | { readonly kind: "attention"; readonly items: readonly TopAttention[] | null }
  | { readonly kind: "workers"; readonly workers: TopWorkers | null }
  | { readonly kind: "job"; readonly data: JobData }
  | { readonly kind: "run"; readonly data: ShownRun }
  | { readonly kind: "log-opened"; readonly target: LogTarget; readonly page: LogPage }
  | {
      readonly kind: "log-lines";
      readonly target: LogTarget;
      readonly lines: readonly BookLine[];
      readonly skipped: number;
    }
  | { readonly kind: "log-earlier"; readonly target: LogTarget; readonly lines: readonly BookLine[] }
  | { readonly kind: "log-ended"; readonly target: LogTarget }
  | { readonly kind: "params"; readonly detail: TopJobDetail }
  /** What was asked for does not exist any more. */
  | { readonly kind: "gone"; readonly text: string }
  /** `run` is the run that was started. */
  | {
      readonly kind: "done";
      readonly text: string;
      readonly run: { readonly jobId: string; readonly runId: string } | null;
    }
  | { readonly kind: "failed"; readonly text: string };

type LogPage = { readonly lines: readonly BookLine[]; readonly before: number; readonly ended: boolean };

/** What the state can't do itself. */
export type Effect =
  | { readonly kind: "quit" }
  /** Gives the terminal back to the shell until it continues the process. */
  | { readonly kind: "suspend" }
  | { readonly kind: "act"; readonly action: TopAction }
  | { readonly kind: "load-earlier"; readonly target: LogTarget; readonly beforeSeq: number }
  /** Loads the params of a job; the answer is the message `params`. */
  | { readonly kind: "load-params"; readonly jobId: string };

/** A state, and what has to be done for it. */
export type Step = { readonly state: TopState; readonly effects: readonly Effect[] };

export const unchanged = (state: TopState): Step => ({ state, effects: [] });
