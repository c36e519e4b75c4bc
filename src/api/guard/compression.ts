import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

const compress = promisify(gzip);

/** Below this size in bytes, compression saves nothing that matters. */
const MIN_BYTES = 4_096;

/** Returns a value as JSON, compressed if the client accepts that. Work on other threads compresses it. */
export const compressedJson = async (value: unknown, request: Pick<Request, "headers">): Promise<Response> => {
  const text = JSON.stringify(value);
  const headers = { "content-type": "application/json", vary: "accept-encoding" };
  if (text.length < MIN_BYTES || !acceptsGzip(request.headers)) return new Response(text, { headers });
  const bytes = await compress(text, { level: constants.Z_BEST_SPEED });
  return new Response(bytes, { headers: { ...headers, "content-encoding": "gzip" } });
};

/** Returns true if a client accepts gzip. */
export const acceptsGzip = (request: Headers): boolean =>
  /(^|,)\s*(gzip|\*)\s*(?!;\s*q=0(\.0*)?\s*(,|$))(;|,|$)/i.test(request.get("accept-encoding") ?? "");
