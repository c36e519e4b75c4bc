/** Shortens a text to `length` characters, the last of which is then `…`. */
export const shorten = (text: string, length = 80): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
