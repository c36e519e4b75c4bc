import { refuse } from "../../domain/refusal.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { sleep } from "../../lib/clock.ts";
import type { ApiContext } from "../context.ts";
import { HEALTH_PATH, LIVE_PATH } from "../routes/health.ts";
import { DOCS_PATH, OPENAPI_PATH } from "../routes/openapi.ts";
import { CALLBACK_PATH, LOGIN_PATH } from "../routes/people/login.ts";
import { SESSION_PATH } from "../routes/people/session.ts";

/** How long a request waits for the end of the start, in ms. */
const START_WAIT_MS = 10_000;

/** What says that petit is starting, and what does not depend on its jobs and runs. */
const ANSWERED: ReadonlySet<string> = new Set([
  HEALTH_PATH,
  LIVE_PATH,
  SESSION_PATH,
  LOGIN_PATH,
  CALLBACK_PATH,
  DOCS_PATH,
  OPENAPI_PATH,
  "/api/events",
  "/api/scheduler/state",
  "/api/system",
  "/metrics",
]);

/** Returns whether requests of this path are answered before the job files are read and the runs are recovered. */
export const isAnsweredDuringStart = (path: string): boolean => ANSWERED.has(path);

/** Waits until petit has started. Throws `not_running` after 10 s, and when the API closes. */
export const untilStarted = async (
  request: Request,
  { engine, clock, closing, requests }: Pick<ApiContext, "engine" | "clock" | "closing" | "requests">,
): Promise<void> => {
  requests.keepOpen(request);
  const over = new AbortController();
  void engine.started.then(() => abortQuietly(over));
  await sleep(clock, START_WAIT_MS, AbortSignal.any([over.signal, closing, request.signal]));
  if (engine.phase === "starting") throw refuse({ reason: "not_running", state: engine.phase });
};
