import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";

/** An Ed25519 private key (RFC 8032). */
export type SigningKey = { readonly key: KeyObject; readonly publicKey: PublicKey };

/** A public key in the form in which people copy it: `ed25519:` and the 32 bytes in base64url. */
export type PublicKey = string & { readonly brand: "PublicKey" };

/** Maximum number of keys with which one message is signed. There are two while a key is replaced. */
export const MAX_SIGNING_KEYS = 4;

const PREFIX = "ed25519:";
const PUBLIC_KEY = /^ed25519:[A-Za-z0-9_-]{43}$/;

/** Makes a new key. */
export const generateSigningKey = (): SigningKey => toSigningKey(generateKeyPairSync("ed25519").privateKey);

/** Returns the text of a key file: PKCS #8 in PEM. */
export const formatSigningKey = ({ key }: SigningKey): string =>
  key.export({ type: "pkcs8", format: "pem" }).toString();

/** Parses the text of a key file. Returns null if it has no private key of Ed25519. */
export const parseSigningKey = (text: string): SigningKey | null => {
  try {
    const key = createPrivateKey(text);
    return key.asymmetricKeyType === "ed25519" ? toSigningKey(key) : null;
  } catch {
    return null;
  }
};

/** Parses a public key. Returns null if the text is not one. */
export const parsePublicKey = (text: string): PublicKey | null => (isPublicKey(text) ? text : null);

const isPublicKey = (text: string): text is PublicKey => PUBLIC_KEY.test(text);

/**
 * Signs a message. The context says what kind of message it is, so that a signature of one kind is never valid for another.
 * Returns 64 bytes.
 */
export const signMessage = (
  { key }: SigningKey,
  { context, message }: { readonly context: string; readonly message: Uint8Array },
): Uint8Array => sign(null, withContext(context, message), key);

/** Signs a message with each key. Returns the signatures in base64. */
export const signAll = (
  keys: readonly SigningKey[],
  signed: { readonly context: string; readonly message: Uint8Array },
): readonly string[] => keys.map((key) => Buffer.from(signMessage(key, signed)).toString("base64"));

/** Returns whether a signature of a message was made with a key, in this context. */
export const isSignedBy = (
  publicKey: PublicKey,
  signed: { readonly context: string; readonly message: Uint8Array; readonly signature: Uint8Array },
): boolean => {
  try {
    return verify(null, withContext(signed.context, signed.message), keyOf(publicKey), signed.signature);
  } catch {
    return false;
  }
};

/** Returns whether one of the signatures, in base64, of a message was made with one of the keys. */
export const isSignedByAny = (
  keys: readonly PublicKey[],
  {
    signatures,
    ...signed
  }: { readonly context: string; readonly message: Uint8Array; readonly signatures: readonly string[] },
): boolean =>
  signatures.some((text) => {
    const signature = Buffer.from(text, "base64");
    return keys.some((key) => isSignedBy(key, { ...signed, signature }));
  });

/** The line break cannot occur in a context, so contexts are never prefixes of each other. */
const withContext = (context: string, message: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${context}\n`), message]);

const keyOf = (publicKey: PublicKey): KeyObject =>
  createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey.slice(PREFIX.length) }, format: "jwk" });

const toSigningKey = (key: KeyObject): SigningKey => {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  const publicKey = parsePublicKey(`${PREFIX}${x}`);
  if (publicKey === null) throw new Error("the key is not of Ed25519");
  return { key, publicKey };
};
