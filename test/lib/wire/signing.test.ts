import { describe, expect, test } from "bun:test";
import {
  formatSigningKey,
  generateSigningKey,
  isSignedBy,
  parsePublicKey,
  parseSigningKey,
  signMessage,
} from "../../../src/lib/wire/signing.ts";

const message = new TextEncoder().encode("run this");
const context = "petit offer v1";

describe("a signature", () => {
  const key = generateSigningKey();
  const signature = signMessage(key, { context, message });

  test("is valid for its message, its context and its key", () => {
    expect(isSignedBy(key.publicKey, { context, message, signature })).toBe(true);
  });

  test("is not valid for anything else", () => {
    const other = new TextEncoder().encode("run that");
    const damaged = signature.map((byte, index) => (index === 5 ? byte ^ 1 : byte));
    expect(isSignedBy(key.publicKey, { context, message: other, signature })).toBe(false);
    expect(isSignedBy(key.publicKey, { context: "petit claim v1", message, signature })).toBe(false);
    expect(isSignedBy(generateSigningKey().publicKey, { context, message, signature })).toBe(false);
    expect(isSignedBy(key.publicKey, { context, message, signature: damaged })).toBe(false);
    expect(isSignedBy(key.publicKey, { context, message, signature: new Uint8Array() })).toBe(false);
  });
});

describe("a key", () => {
  test("is the same after it was written and read", () => {
    const key = generateSigningKey();
    const read = parseSigningKey(formatSigningKey(key));
    expect(read?.publicKey).toBe(key.publicKey);
    const signature = read === null ? new Uint8Array() : signMessage(read, { context, message });
    expect(isSignedBy(key.publicKey, { context, message, signature })).toBe(true);
  });

  test.each(["", "ed25519:abc", "ed25519:not base64url of thirty-two bytes......", "a key"])(
    "is not read from '%s'",
    (text) => {
      expect(parsePublicKey(text)).toBeNull();
      expect(parseSigningKey(text)).toBeNull();
    },
  );
});
