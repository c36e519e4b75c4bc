/** A word in a unit file, quoted where it has to be, with nothing in it that systemd would expand. */
export const unitWord = (text: string): string => {
  const literal = text.replaceAll("%", "%%");
  return /^[\w/.:=@,+%-]+$/.test(literal) ? literal : `"${literal.replaceAll(/["\\]/g, "\\$&")}"`;
};

/** A word of a command line in a unit file, where `$` would begin a variable. */
export const commandWord = (text: string): string => unitWord(text).replaceAll("$", "$$$$");
