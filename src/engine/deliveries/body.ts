import { isUtf8 } from "node:buffer";
import { type Json, JsonError, parseJson } from "../../lib/json.ts";

/** Maximum size of a body that is stored, in bytes. */
export const MAX_BODY_BYTES = 2 ** 20;

/** Returns the body of an event: a string if it is not JSON, which is UTF-8 (RFC 8259, section 8.1), nested too deep, or has too many names. */
export const bodyOf = (bytes: Uint8Array): Json => {
  const text = new TextDecoder().decode(bytes);
  if (!isUtf8(bytes)) return text;
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return text;
    throw error;
  }
};
