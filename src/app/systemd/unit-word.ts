/** A word in a unit file, quoted where it has to be, with nothing in it that systemd would expand or take for another line. */
export const unitWord = (text: string): string => {
  const literal = text.replaceAll("%", "%%");
  return /^[\w/.:=@,+%-]+$/.test(literal)
    ? literal
    : `"${literal.replaceAll(/["\\]/g, "\\$&").replaceAll(CONTROL, escaped)}"`;
};

const CONTROL = /[\u0000-\u001f\u007f]/g;

const escaped = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

/** A word of a command line in a unit file, where `$` would begin a variable. */
export const commandWord = (text: string): string => unitWord(text).replaceAll("$", "$$$$");
