/** Commands that only look whether something is so, and the exit statuses that say no. A shell's `command -v` exits with 1 or 127. */
const GUARDS: Readonly<Record<string, readonly number[]>> = {
  test: [1],
  "[": [1],
  "[[": [1],
  which: [1],
  command: [1, 127],
  type: [1, 127],
  hash: [1, 127],
};

/**
 * Returns the exit statuses of a line such as `test -x FILE && FILE` whose guard does not hold, or null if it has no guard. The line
 * exits with the status of the guard only if nothing but `&&` follows.
 */
export const guardExitCodes = (command: string): readonly number[] | null => {
  const parts = splitConjunction(command);
  const codes = parts?.slice(0, -1).flatMap((part) => {
    const [program = "", option = ""] = part.replace(/^!\s+/, "").split(/\s+/);
    if (program === "command" && !/^-[vV]$/.test(option)) return [];
    return (Object.hasOwn(GUARDS, program) ? GUARDS[program] : undefined) ?? [];
  });
  return codes === undefined || codes.length === 0 ? null : [...new Set(codes)].sort((a, b) => a - b);
};

/** Quoted texts and substitutions, operators, and anything else of a shell's line. */
const TOKEN =
  /\\.|'[^']*'|"(?:[^"\\]|\\.)*"|\$\([^()]*\)|`[^`]*`|\d*[<>]+&\d*-?|&>>?|&&|\|\||[;&|(){}\n]|[^\\'"$`<>&|;(){}\n\d]+|./gs;

/** Returns the commands of a line that are joined by `&&`, or null if it has another structure. */
const splitConjunction = (command: string): readonly string[] | null => {
  const parts = [""];
  for (const [token] of command.trim().replace(/;$/, "").matchAll(TOKEN)) {
    if (token === "&&") parts.push("");
    else if (token === "||" || token === ";" || token === "&" || token === "\n") return null;
    else parts.push(`${parts.pop()}${token}`);
  }
  return parts.map((part) => part.trim());
};
