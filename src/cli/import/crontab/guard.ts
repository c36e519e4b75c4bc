/** Commands that only look whether something is so, and the exit statuses that say no. A shell's `command -v` exits with 1 or 127. */
const GUARDS: Readonly<Record<string, readonly number[]>> = {
  test: [1],
  "[": [1],
  "[[": [1],
  which: [1],
  pgrep: [1],
  pidof: [1],
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
    const [path = "", option = ""] = part.replace(/^!\s+/, "").split(/\s+/);
    const program = path.replace(/^(?:\/usr)?\/bin\//, "");
    if (program === "command" && !/^-[vV]$/.test(option)) return [];
    return (Object.hasOwn(GUARDS, program) ? GUARDS[program] : undefined) ?? [];
  });
  return codes === undefined || codes.length === 0 ? null : [...new Set(codes)].sort((a, b) => a - b);
};

/** What the structure of a line does not depend on: quoted texts, substitutions, and redirections with a `&`. */
const OPAQUE = /\\.|'[^']*'|"(?:[^"\\]|\\.)*"|\$\([^()]*\)|\$\{[^}]*\}|`[^`]*`|\d*[<>]+&\d*-?|&>>?/gs;

/** Words that begin and end a compound command, where a command can begin. */
const OPENERS: Readonly<Record<string, string>> = {
  "{": "}",
  "(": ")",
  if: "fi",
  for: "done",
  while: "done",
  until: "done",
  case: "esac",
};
const BEFORE_COMMAND = new Set([
  "&&",
  "||",
  ";",
  "&",
  "|",
  "\n",
  "(",
  "{",
  "!",
  "if",
  "then",
  "elif",
  "else",
  "while",
  "until",
  "do",
]);

/** Returns the commands of a line that are joined by `&&`, or null if it has another structure outside of compound commands. */
const splitConjunction = (command: string): readonly string[] | null => {
  const text = command
    .trim()
    .replace(OPAQUE, "_")
    .replace(/(^|\s)#.*$/s, "")
    .replace(/\s*;?\s*$/, "");
  const parts: string[][] = [[]];
  const closers: string[] = [];
  let canBegin = true;
  for (const [token] of text.matchAll(/&&|\|\||[;&|(){}\n]|[^\s;&|(){}]+/g)) {
    if (token === closers.at(-1)) closers.pop();
    else if (canBegin && Object.hasOwn(OPENERS, token)) closers.push(OPENERS[token] ?? "");
    else if (closers.length === 0 && token === "&&") parts.push([]);
    else if (closers.length === 0 && /^(?:\|\||[;&\n])$/.test(token)) return null;
    if (token !== "&&" || closers.length > 0) parts.at(-1)?.push(token);
    canBegin = BEFORE_COMMAND.has(token);
  }
  return closers.length > 0 ? null : parts.map((words) => words.join(" "));
};
