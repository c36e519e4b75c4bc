/**
 * Returns whether a private key is encrypted: in the format of OpenSSH (PROTOCOL.key of its source), which names the cipher, or in PEM
 * (RFC 1421, RFC 7468). False for what is no key.
 */
export const hasPassphrase = (text: string): boolean => {
  const [, body] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text) ?? [];
  if (body === undefined) return /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text);
  const bytes = Buffer.from(body, "base64");
  const start = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < start || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return false;
  return bytes.toString("latin1", start, start + bytes.readUInt32BE(MAGIC.length)) !== "none";
};

const MAGIC = "openssh-key-v1\0";

/** A string is a number of bytes, and these. */
const LENGTH_BYTES = 4;
