import { fetchPetit } from "../../data/client.ts";
import { readServerSentEvents } from "../../data/event.ts";
import { ApiFailure } from "../../data/failure.ts";
import type { LogRecord } from "../../data/lines.ts";
import { hiddenSignal, untilVisible } from "../../data/page-visibility.ts";
import type { LogFilter } from "./line.ts";
import { logPath } from "./path.ts";

export type FollowOptions = {
  readonly runId: string;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  /** Number of the last line that is known: what comes after it is asked for. */
  readonly lastSeq: () => number;
  readonly onRecord: (record: LogRecord) => void;
  readonly onState: (state: "live" | "away") => void;
  /** Asked when petit ends the stream: it does so too when it stops. */
  readonly isEnded: () => Promise<boolean>;
};

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/** Follows the log of a run until that has ended, over any number of breaks. Throws where petit refuses. */
export const followLog = async (options: FollowOptions): Promise<void> => {
  const { signal, onState, isEnded } = options;
  for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
    try {
      const isLeft = await readOnce(options, () => {
        delayMs = FIRST_DELAY_MS;
      });
      if (isLeft) continue;
      if (await isEnded()) return;
    } catch (error) {
      if (error instanceof ApiFailure && error.code !== "UNREACHABLE" && error.code !== "SERVICE_UNAVAILABLE")
        throw error;
    }
    if (signal.aborted) return;
    onState("away");
    await pause(delayMs, signal);
  }
};

/** True where it was left because nobody saw the page any more. */
const readOnce = async (options: FollowOptions, onLife: () => void): Promise<boolean> => {
  await untilVisible(options.signal);
  const attempt = new AbortController();
  const left = hiddenSignal(AbortSignal.any([options.signal, attempt.signal]));
  try {
    await read(options, { signal: AbortSignal.any([options.signal, left]), onLife });
    return false;
  } catch (error) {
    if (left.aborted) return true;
    throw error;
  } finally {
    attempt.abort();
  }
};

type Reading = { readonly signal: AbortSignal; readonly onLife: () => void };

const read = async (options: FollowOptions, { signal, onLife }: Reading): Promise<void> => {
  const { runId, filter, lastSeq, onRecord, onState } = options;
  const response = await fetchPetit(`${logPath(runId, filter)}&follow=true`, {
    signal,
    cache: "no-store",
    headers: { accept: "text/event-stream", "last-event-id": String(lastSeq()) },
  });
  if (response.body === null) return;
  onState("live");
  for await (const event of readServerSentEvents(response.body)) {
    onLife();
    if (event !== null) onRecord(JSON.parse(event.data));
  }
};

/** With some jitter, so that many pages don't come back in one moment. */
const pause = (delayMs: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, delayMs * (0.75 + Math.random() / 2));
  signal.addEventListener(
    "abort",
    () => {
      clearTimeout(timer);
      resolve();
    },
    { once: true },
  );
  return promise;
};
