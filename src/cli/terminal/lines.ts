const NEWLINE = 10;

/** Splits bytes into lines. Each line includes its newline; the last one may have none. */
export const linesOf = (bytes: Uint8Array): readonly Uint8Array[] => {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, from);
    const to = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
};

/** Returns whether the bytes end with a newline. */
export const endsLine = (bytes: Uint8Array): boolean => bytes.at(-1) === NEWLINE;
