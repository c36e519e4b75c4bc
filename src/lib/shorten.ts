/** A text as a message can hold it: at most `length` characters, the last of them `…` where something was cut off. */
export const shorten = (text: string, length = 80): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
