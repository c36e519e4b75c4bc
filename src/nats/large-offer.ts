import { createHash } from "node:crypto";
import { encodeFrame, type Frame } from "../lib/wire/frame.ts";

/**
 * Replaces the header of a message that is too large for the server. The end of its body is in the object store under its SHA-256, which
 * stays the same each time that petit publishes the offer again.
 */
type LargeHeader = { readonly stored: string; readonly header: object };

/** An offer before it is encoded. */
type Offer = { readonly header: object; readonly body: Uint8Array; readonly stableFrom?: number };

/** The name and the content of an object. */
type Stored = { readonly name: string; readonly content: Uint8Array };

/** Leaves room for the headers of the message. */
const HEADROOM_BYTES = 4 * 1024;

/** Returns the message of an offer, and what of it is too large for a message of this server. `stored` has to be in the object store first; null if the message contains everything. */
export const splitOffer = (
  { header, body, stableFrom = 0 }: Offer,
  maxPayloadBytes: number,
): { readonly message: Uint8Array; readonly stored: Stored | null } => {
  const message = encodeFrame(header, body);
  if (message.length <= maxPayloadBytes - HEADROOM_BYTES) return { message, stored: null };
  const content = body.subarray(stableFrom);
  const name = createHash("sha256").update(content).digest("hex");
  const large: LargeHeader = { stored: name, header };
  return { message: encodeFrame(large, body.subarray(0, stableFrom)), stored: { name, content } };
};

/** Returns the name of the object that a message needs, or null if it contains everything. */
export const storedName = ({ header }: Frame): string | null => (isLarge(header) ? header.stored : null);

/** Returns the offer of a message with the content of its object. */
export const joinOffer = ({ header, body }: Frame, content: Uint8Array): Frame | null =>
  isLarge(header) ? { header: header.header, body: Buffer.concat([body, content]) } : null;

const isLarge = (header: unknown): header is LargeHeader =>
  typeof header === "object" &&
  header !== null &&
  "stored" in header &&
  typeof header.stored === "string" &&
  "header" in header;
