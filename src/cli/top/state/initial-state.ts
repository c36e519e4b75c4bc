import { isHandledEntry } from "../../../domain/inbox/order.ts";
import type { TopAttention, TopJob, TopRun, TopSystem, TopWorkers } from "../data/shapes.ts";
import { settle } from "./list/cursor.ts";
import { clockAheadOf, type TopState } from "./state.ts";

export type InitialData = {
  readonly system: TopSystem;
  readonly jobs: readonly TopJob[];
  readonly runs: readonly TopRun[];
  readonly attention: readonly TopAttention[] | null;
  readonly workers: TopWorkers | null;
  /** When they were loaded, by this machine's clock. */
  readonly at: number;
  readonly zone: string;
  readonly base: string;
  readonly columns: number;
  readonly rows: number;
};

/** Returns the overview. What needs attention has the keys, if anything does. */
export const initialState = ({ at, ...data }: InitialData): TopState => {
  const clockAheadMs = clockAheadOf(data.system, at);
  const needsAttention = data.attention?.some((item) => !isHandledEntry(item)) ?? false;
  return settle({
    ...data,
    now: at + clockAheadMs,
    clockAheadMs,
    connection: { state: "connected" },
    job: null,
    run: null,
    log: null,
    views: [{ kind: "overview" }],
    showsHandled: false,
    panel: needsAttention ? "attention" : "jobs",
    tab: "jobs",
    cursors: {},
    filters: {},
    typing: null,
    sort: "name",
    itemsOf: null,
    stderrOnly: false,
    wraps: true,
    overlay: null,
    notice: null,
  });
};
