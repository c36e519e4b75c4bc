import { ApiError } from "../errors.ts";

/** Maximum size of a request body. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Maximum size of a body with a job file as a JSON text: escapes can make it three times as long as the file, and more only if it is no text. */
export const MAX_DRAFT_BYTES = 4 * 1024 * 1024;

/** Throws `PAYLOAD_TOO_LARGE` if `Content-Length` is above the maximum. */
export const checkBodySize = (request: Request, maxBytes: number = MAX_BODY_BYTES): void => {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
};

/**
 * Parses a body as JSON, whatever its content type: `curl -d '{…}'` sends it as a form. An empty body is an empty object.
 * Numbers are returned as the text that was sent, so that none is rounded.
 */
export const readJson = (given: { readonly request: Request }): Promise<unknown> => parseJson(given, keepNumber);

/** Parses a body as JSON, with its numbers as JavaScript reads them. */
export const readMessage = (given: { readonly request: Request }): Promise<unknown> =>
  parseJson(given, (_name, value) => value);

/** The same as `readJson`, but the fields with these names are texts: a number in them stays one, so that the schema refuses it. */
export const readJsonWithTexts =
  (names: readonly string[], maxBytes: number = MAX_BODY_BYTES) =>
  (given: { readonly request: Request }): Promise<unknown> =>
    parseJson(
      given,
      (name, value, context) => (names.includes(name) ? value : keepNumber(name, value, context)),
      maxBytes,
    );

const parseJson = async (
  { request }: { readonly request: Request },
  revive: typeof keepNumber,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<unknown> => {
  const text = decode(await readBytes(request, { maxBytes }));
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text, revive);
  } catch (cause) {
    throw invalid(
      `the body is not JSON: ${cause instanceof Error ? cause.message.replace(/^JSON Parse error: /, "") : cause}`,
    );
  }
};

/** `context.source` is the text of the number. A runtime without it returns the number as text. */
const keepNumber = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" ? (context?.source ?? String(value)) : value;

const decode = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the body is not UTF-8");
  }
};

/** Returns the bytes of a body as they came. Throws `PAYLOAD_TOO_LARGE`, and `INVALID_REQUEST` if `signal` aborts before its end. */
export const readBytes = async (
  request: Request,
  {
    signal,
    maxBytes = MAX_BODY_BYTES,
    onBytes,
  }: { readonly signal?: AbortSignal; readonly maxBytes?: number; readonly onBytes?: (bytes: number) => void } = {},
): Promise<Uint8Array> => {
  // Most requests that change something have no body.
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const onAbort = (): void => reject(invalid("the body did not arrive in time"));
  signal?.addEventListener("abort", onAbort, { once: true });
  const body = request.body.values({ preventCancel: true });
  try {
    for (;;) {
      const next = await Promise.race([body.next(), aborted]);
      if (next.done === true) break;
      size += next.value.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(next.value);
      onBytes?.(size);
    }
  } catch (error) {
    // The client disconnected: not an error of petit.
    throw error instanceof ApiError ? error : invalid("the body is incomplete");
  } finally {
    signal?.removeEventListener("abort", onAbort);
    // Unlocks a body that is too large: drain-body.ts reads the rest. Not awaited, because it waits for a read that goes on.
    void Promise.resolve(body.return?.()).catch(() => {});
  }
  return Buffer.concat(chunks);
};

const invalid = (message: string): ApiError =>
  new ApiError("INVALID_REQUEST", message, {
    details: { reason: "invalid_value", in: "body", name: "", problem: message },
  });

/** Closes the connection after the answer, because the rest of the body may be unread. */
const tooLarge = (maxBytes: number): ApiError =>
  new ApiError("PAYLOAD_TOO_LARGE", `the body is larger than ${maxBytes / 1024 / 1024} MiB`, {
    headers: { connection: "close" },
  });
