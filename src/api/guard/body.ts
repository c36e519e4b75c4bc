import { ApiError } from "../errors.ts";

/** Of a request, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Throws `PAYLOAD_TOO_LARGE` where a request says that its body is larger than that. */
export const checkBodySize = (request: Request): void => {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
};

/**
 * A body as JSON, whatever its content type says: `curl -d '{…}'` calls it a form. None at all is an empty object.
 * Numbers come as they were written, so that none is rounded.
 */
export const readJson = async ({ request }: { readonly request: Request }): Promise<unknown> => {
  const text = decode(await readBytes(request));
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text, keepNumber);
  } catch (cause) {
    throw invalid(
      `the body is not JSON: ${cause instanceof Error ? cause.message.replace(/^JSON Parse error: /, "") : cause}`,
    );
  }
};

/** `context.source` is the text of a number; runtimes without it give the number. */
const keepNumber = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" ? (context?.source ?? String(value)) : value;

const decode = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the body is not UTF-8");
  }
};

const readBytes = async (request: Request): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // What is left of a body that is too large is not this one's to end: see unread-body.ts.
    for await (const chunk of request.body?.values({ preventCancel: true }) ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    // A client that goes away in the middle is no fault of petit's.
    throw error instanceof ApiError ? error : invalid("the body broke off");
  }
  return Buffer.concat(chunks);
};

const invalid = (message: string): ApiError =>
  new ApiError("INVALID_REQUEST", message, { details: { reason: "invalid_value", in: "body", name: "" } });

/** The rest of the body may stay unread: the connection ends with the answer. */
const tooLarge = (): ApiError =>
  new ApiError("PAYLOAD_TOO_LARGE", `the body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`, {
    headers: { connection: "close" },
  });
