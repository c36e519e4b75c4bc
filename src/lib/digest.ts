const [OFFSET, PRIME] = [0xcbf29ce484222325n, 0x100000001b3n];

/** Returns 10 hexadecimal digits that tell a text from others. They are no secret: who knows a text can compute them (FNV-1a). */
export const shortDigest = (text: string): string => {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  // The lower bits of FNV depend on fewer bits of the text.
  return (hash ^ (hash >> 24n)).toString(16).padStart(16, "0").slice(-10);
};
