/** Quotes a word for a unit file if needed, and escapes specifiers and control characters. */
export const unitWord = (text: string): string => {
  const literal = text.replaceAll("%", "%%");
  return /^[\w/.:=@,+%-]+$/.test(literal)
    ? literal
    : `"${literal.replaceAll(/["\\]/g, "\\$&").replaceAll(CONTROL, escaped)}"`;
};

const CONTROL = /[\u0000-\u001f\u007f]/g;

const escaped = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

/** Quotes a word of a command line in a unit file, where `$` would start a variable. */
export const commandWord = (text: string): string => unitWord(text).replaceAll("$", "$$$$");
