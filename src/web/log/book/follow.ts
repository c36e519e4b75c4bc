import { eventStream } from "../../../client/event-stream.ts";
import { Reconnect } from "../../../client/reconnect.ts";
import { pageClock, petit } from "../../data/client.ts";
import type { LogFilter, LogRecord } from "../../data/lines.ts";
import { hiddenSignal, untilVisible } from "../../data/page-visibility.ts";

export type FollowOptions = {
  readonly runId: string;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  /** Returns the number of the last known line. The stream starts after it. */
  readonly lastSeq: () => number;
  readonly onRecord: (record: LogRecord) => void;
  readonly onState: (state: "live" | "away") => void;
  /** Called when petit ends the stream, which it also does when it stops. Returns true if the run has ended. */
  readonly isEnded: () => Promise<boolean>;
};

/** Follows the log of a run until the run ends, over any number of broken connections. Throws if petit refuses. */
export const followLog = async (options: FollowOptions): Promise<void> => {
  const { runId, filter, signal, lastSeq, onRecord, onState, isEnded } = options;
  const items = eventStream({
    open: (_, ending) =>
      petit.stream("/api/runs/:run_id/logs", {
        params: { run_id: runId },
        query: { ...filter, follow: true },
        headers: { accept: "text/event-stream", "last-event-id": String(lastSeq()) },
        signal: ending,
      }),
    isComplete: isEnded,
    clock: pageClock,
    reconnect: new Reconnect({ clock: pageClock, onAway: () => onState("away") }),
    suspension: { resumed: untilVisible, suspended: hiddenSignal },
    signal,
  });
  for await (const item of items) {
    if (item.kind === "open") onState("live");
    else if (item.kind === "event") onRecord(JSON.parse(item.data));
  }
};
