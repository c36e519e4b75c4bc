import { abortQuietly } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { escapeUnprintable, shorten } from "../../lib/text.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/**
 * Result of an attempt to deliver. `why` contains no part of the URL. It contains the error in the response body only if the
 * request reads it, and without secrets.
 */
export type SendResult =
  /** `body` is missing unless it was asked for, and null if it can't be read or is too long. */
  | { readonly kind: "delivered"; readonly answer: string; readonly body?: Uint8Array | null }
  /** A retry would get the same response. */
  | { readonly kind: "refused"; readonly why: string }
  /** A retry may succeed. `retryAfterMs` is set if the receiver gave a time. */
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs: number | null };

export type SendOptions = {
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, "request">;
  readonly timeoutMs: number;
  /** Aborts the request. */
  readonly signal: AbortSignal;
  /** True to read the body of an answer that says that it was delivered. */
  readonly readsBody?: boolean;
};

/** A complete request, including secrets. */
export type NotifyRequest = {
  readonly url: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  /** Null with GET. */
  readonly body: string | Uint8Array<ArrayBuffer> | null;
  /** Reads what an answer says about an error, which is shown without `secrets`. Null if it says nothing for people. */
  readonly readAnswer: ReadAnswer | null;
  readonly secrets: readonly string[];
};

/** Sends one request. Never throws. */
export const send = async (
  request: NotifyRequest,
  { clock, runtime, timeoutMs, signal, readsBody = false }: SendOptions,
): Promise<SendResult> => {
  const late = new AbortController();
  const cancel = clock.setTimeout(() => abortQuietly(late), timeoutMs);
  try {
    const response = await runtime.request(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      ca: null,
      signal: AbortSignal.any([late.signal, signal]),
    });
    if (response.ok) {
      const answer = `answered ${response.status}`;
      // It was delivered, whatever becomes of the body.
      if (readsBody) return { kind: "delivered", answer, body: await readBody(response).catch(() => null) };
      response.body?.cancel().catch(() => {});
      return { kind: "delivered", answer };
    }
    return judgeResponse(response, await answerOf(response, request), clock.now());
  } catch (error) {
    const why = late.signal.aborted ? `no answer within ${formatDuration(timeoutMs)}` : whyUnreachable(error);
    return { kind: "failed", why, retryAfterMs: null };
  } finally {
    cancel();
  }
};

/** Client errors worth retrying: 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** Returns what a response without success means. */
const judgeResponse = ({ status, headers }: Response, { error, retryAfterMs }: Answer, now: number): SendResult => {
  const why = `answered ${status}${error === "" ? "" : `: ${error}`}`;
  if (status >= 300 && status < 400) return { kind: "refused", why: `${why}; redirects are not followed` };
  if (status >= 400 && status < 500 && !RETRYABLE_STATUSES.has(status)) return { kind: "refused", why };
  return { kind: "failed", why, retryAfterMs: delayOf(headers.get("retry-after"), now) ?? retryAfterMs };
};

type JsonObject = Readonly<Record<string, unknown>>;

/** What the body of a response says. `error` is empty if it was not read. */
type Answer = { readonly error: string; readonly retryAfterMs: number | null };

/** Reads an error that is JSON. */
export type ReadAnswer = (answer: JsonObject) => Answer;

const NO_ANSWER: Answer = { error: "", retryAfterMs: null };

/** Maximum size of a response that is read, in bytes, and maximum length of an error that is shown. */
const MAX_ANSWER_BYTES = 8_192;
const MAX_ERROR = 200;

/** Reads the error of a response that was not successful. A body that is too long, or that ends early, is ignored. */
const answerOf = async (response: Response, { readAnswer, secrets }: NotifyRequest): Promise<Answer> => {
  const body = readAnswer !== null && response.status >= 400 ? await readBody(response) : null;
  const text = body?.toString() ?? null;
  if (readAnswer === null || text === null) {
    response.body?.cancel().catch(() => {});
    return NO_ANSWER;
  }
  const json = parseJson(text);
  const { error, retryAfterMs } = json === null ? { error: textOf(text), retryAfterMs: null } : readAnswer(json);
  const masked = secrets.reduce((masking, secret) => masking.replaceAll(secret, "***"), error);
  return { error: shorten(escapeUnprintable(masked.replace(/\s+/g, " ").trim()), MAX_ERROR), retryAfterMs };
};

const readBody = async ({ body }: Response): Promise<Buffer | null> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** Returns an error that is not JSON. HTML is for browsers. */
const textOf = (text: string): string => (/^\s*</.test(text) ? "" : text);

/** Reads the fields that most services use for an error. `retry_after` is in seconds. */
export const readCommonAnswer: ReadAnswer = (answer) => {
  const field = ["description", "message", "error"]
    .map((name) => answer[name])
    .find((value) => typeof value === "string");
  const { parameters } = answer;
  const nested = isObject(parameters) ? parameters.retry_after : undefined;
  const seconds = Number(answer.retry_after ?? nested);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds * 1000) : null;
  return { error: typeof field === "string" ? field : "", retryAfterMs };
};

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null;

const parseJson = (text: string): JsonObject | null => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
};

/** Returns the delay that `Retry-After` names, in ms: seconds, or a date of HTTP (RFC 9110, 10.2.3). Null if it is neither. */
const delayOf = (text: string | null, now: number): number | null => {
  if (text === null) return null;
  if (/^\d{1,6}$/.test(text.trim())) return Number(text) * 1000;
  const at = / GMT$/.test(text.trim()) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
};

/** Describes a network error by its code, since the runtime's messages can contain the URL. */
const whyUnreachable = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Za-z0-9_]{2,60}$/.test(code) ? `can't be reached (${code})` : "can't be reached";
};
