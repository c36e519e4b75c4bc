import type { JsMsg } from "@nats-io/jetstream";

const NAME = "Nats-Msg-Id:";

/**
 * Returns the first value of the header `Nats-Msg-Id` as NATS itself compares it: the name is case-sensitive, and only the spaces before the
 * value do not count. Null if there is none, if it is empty, or if it is not UTF-8 or has a U+FFFD.
 */
export const publisherIdOf = (message: JsMsg): string | null => {
  const bytes = headerBytes(message);
  if (bytes === null) return null;
  const line = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(bytes)
    .split("\r\n")
    .find((each) => each.startsWith(NAME));
  const id = line?.slice(NAME.length).replace(/^ +/, "") ?? "";
  return id === "" || id.includes("\ufffd") ? null : id;
};

/** Returns the headers of a message as they came, because the client trims their values. Null if there are none. */
const headerBytes = (message: JsMsg): Uint8Array | null => {
  if (message.headers === undefined) return null;
  const inner = property(message, "msg");
  const length = property(property(inner, "_msg"), "hdr");
  const bytes = property(inner, "_rdata");
  if (!(bytes instanceof Uint8Array) || typeof length !== "number")
    throw new Error("unknown version of @nats-io/nats-core");
  return bytes.subarray(0, length);
};

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
