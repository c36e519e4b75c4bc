import type { Client } from "../../client/client.ts";
import { isUnreachable } from "../../client/error.ts";
import { eventStream } from "../../client/event-stream.ts";
import type { LiveEvent } from "../../client/live-event.ts";
import type { Reconnect } from "../../client/reconnect.ts";
import type { Clock } from "../../lib/clock.ts";

type FollowOptions = {
  readonly clock: Clock;
  readonly reconnect: Reconnect;
  /** Returns whether something may have changed with an event. */
  readonly isRelevant: (event: LiveEvent) => boolean;
  /** Reads and shows the state, and returns whether there is nothing more to wait for. */
  readonly refresh: () => Promise<boolean>;
};

/** Refreshes on each relevant event and on each heartbeat, until that says to stop. The first heartbeat comes when the stream is open. */
export const followEvents = async (
  client: Client,
  { refresh, isRelevant, clock, reconnect }: FollowOptions,
): Promise<void> => {
  const open = (lastId: string | null, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
    client.stream("/api/events", { headers: lastId === null ? {} : { "last-event-id": lastId }, signal });
  for await (const item of eventStream({ clock, reconnect, open })) {
    const mayHaveChanged = item.kind !== "event" || isRelevant(JSON.parse(item.data));
    if (mayHaveChanged && (await refresh().catch(ignoreOutage))) return;
  }
};

/** Ignores an outage, because the event stream notices and handles it too. */
const ignoreOutage = (error: unknown): false => {
  if (isUnreachable(error)) return false;
  throw error;
};
