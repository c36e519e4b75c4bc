import { abortQuietly } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { NotifyRequest } from "./request.ts";

/** Result of an attempt to deliver. `why` contains no part of the URL or the response body. */
export type SendResult =
  | { readonly kind: "delivered" }
  /** A retry would get the same response. */
  | { readonly kind: "refused"; readonly why: string }
  /** A retry may succeed. `retryAfterMs` is set if the receiver gave a time. */
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs: number | null };

export type SendOptions = {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborts the request. */
  readonly signal: AbortSignal;
};

/** Sends one POST request and ignores the body of the response. Never throws. */
export const send = async (request: NotifyRequest, { clock, timeoutMs, signal }: SendOptions): Promise<SendResult> => {
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
    return judgeResponse(response);
  } catch (error) {
    const why = late.signal.aborted ? `no answer within ${formatDuration(timeoutMs)}` : whyUnreachable(error);
    return { kind: "failed", why, retryAfterMs: null };
  } finally {
    cancel();
  }
};

/** Client errors worth retrying: 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

const judgeResponse = ({ status, headers }: Response): SendResult => {
  const why = `answered ${status}`;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  if (status >= 300 && status < 400) return { kind: "refused", why: `${why}; redirects are not followed` };
  if (status >= 400 && status < 500 && !RETRYABLE_STATUSES.has(status)) return { kind: "refused", why };
  return { kind: "failed", why, retryAfterMs: secondsOf(headers.get("retry-after")) };
};

const secondsOf = (text: string | null): number | null =>
  text !== null && /^\d{1,6}$/.test(text.trim()) ? Number(text) * 1000 : null;

/** Describes a network error by its code, since the runtime's messages can contain the URL. */
const whyUnreachable = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Za-z0-9_]{2,60}$/.test(code) ? `can't be reached (${code})` : "can't be reached";
};
