/** A message between processes: a header, which is JSON, and bytes that it describes. */
export type Frame = { readonly header: unknown; readonly body: Uint8Array };

const LENGTH_BYTES = 4;
const NOTHING = new Uint8Array();

/** Encodes a message: the length of the header in bytes (4 bytes, big-endian), the header as JSON, the body. */
export const encodeFrame = (header: object, body: Uint8Array = NOTHING): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(LENGTH_BYTES + json.length + body.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, LENGTH_BYTES);
  bytes.set(body, LENGTH_BYTES + json.length);
  return bytes;
};

/** Decodes a message. Its header is not checked beyond being JSON. Returns null for other bytes. */
export const decodeFrame = (bytes: Uint8Array): Frame | null => {
  if (bytes.length < LENGTH_BYTES) return null;
  const end = LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (end > bytes.length) return null;
  try {
    const header: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, end)),
    );
    return { header, body: bytes.subarray(end) };
  } catch {
    return null;
  }
};
