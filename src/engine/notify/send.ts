import { abortQuietly } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { NotifyRequest } from "./request.ts";

/** What came of an attempt; `why` holds nothing of the URL or of what was answered. */
export type Sent =
  | { readonly kind: "delivered" }
  /** It would be answered the same again. */
  | { readonly kind: "refused"; readonly why: string }
  /** It may go better later; `retryAfterMs` where the receiver said when. */
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs: number | null };

export type SendOptions = {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Ends it at once. */
  readonly signal: AbortSignal;
};

/** The one place that petit asks something of another machine: one POST, one answer, whose body nobody reads. Never throws. */
export const send = async (request: NotifyRequest, { clock, timeoutMs, signal }: SendOptions): Promise<Sent> => {
  const late = new AbortController();
  const cancel = clock.setTimeout(() => abortQuietly(late), timeoutMs);
  try {
    const response = await fetch(request.url, {
      method: "POST",
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      signal: AbortSignal.any([late.signal, signal]),
    });
    response.body?.cancel().catch(() => {});
    return judge(response);
  } catch (error) {
    const why = late.signal.aborted ? `no answer within ${formatDuration(timeoutMs)}` : whyUnreachable(error);
    return { kind: "failed", why, retryAfterMs: null };
  } finally {
    cancel();
  }
};

/** Refusals that pass: a timeout, a lesson in being too early, one in being too many. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

const judge = ({ status, headers }: Response): Sent => {
  const why = `answered ${status}`;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  if (status >= 300 && status < 400) return { kind: "refused", why: `${why}; redirects are not followed` };
  if (status >= 400 && status < 500 && !PASSING.has(status)) return { kind: "refused", why };
  return { kind: "failed", why, retryAfterMs: secondsOf(headers.get("retry-after")) };
};

const secondsOf = (text: string | null): number | null =>
  text !== null && /^\d{1,6}$/.test(text.trim()) ? Number(text) * 1000 : null;

/** Messages of the runtime can hold the URL; its codes don't. */
const whyUnreachable = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Za-z0-9_]{2,60}$/.test(code) ? `can't be reached (${code})` : "can't be reached";
};
