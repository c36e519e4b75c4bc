import { createHash } from "node:crypto";
import { encodeFrame, type Frame } from "../lib/wire/frame.ts";

/** A message that replaces one that is too large for the server. */
type Stored = { readonly stored: string };

/** Leaves room for the headers of the message. */
const HEADROOM_BYTES = 4 * 1024;

/** Returns whether a message is too large for a server. */
export const isTooLarge = (message: Uint8Array, maxPayloadBytes: number): boolean =>
  message.length > maxPayloadBytes - HEADROOM_BYTES;

/** Returns the message that says where another one is stored, and its name. */
export const storedMessage = (message: Uint8Array): { readonly name: string; readonly message: Uint8Array } => {
  const name = createHash("sha256").update(message).digest("hex");
  return { name, message: encodeFrame({ stored: name } satisfies Stored) };
};

/** Returns the name under which the message is stored that a frame replaces, or null for any other frame. */
export const storedName = ({ header }: Frame): string | null =>
  typeof header === "object" && header !== null && "stored" in header && typeof header.stored === "string"
    ? header.stored
    : null;
