import { splitCommands } from "../unit/words.ts";

/** A command of `ExecStart=` and the like. */
export type ExecCommand = {
  readonly words: readonly [string, ...string[]];
  /** `-`: a failure counts as success. */
  readonly ignoresFailure: boolean;
  /** `+`, `!` or `!!`: it runs without the user of the service. */
  readonly isPrivileged: boolean;
  /** `:`: variables are not expanded. */
  readonly isLiteral: boolean;
  /** Words that systemd drops: they begin with `$`, and are no variable. */
  readonly dropped: readonly string[];
  /** `@`: the second word was the name that the program sees of itself. */
  readonly hasOtherName: boolean;
};

const NOT_UNDERSTOOD = { problem: "its command is not understood; expected a program and arguments" };

/** Splits a value of `ExecStart=` into its commands. Returns what is wrong if it can't be read. */
export const readExec = (
  value: string,
  expand: (word: string) => string,
): readonly ExecCommand[] | { readonly problem: string } => {
  const parts = splitCommands(value);
  if ("problem" in parts) return parts;
  const commands: ExecCommand[] = [];
  for (const part of parts.filter((words) => words.length > 0)) {
    const command = readCommand(part, expand);
    if (command === null) return NOT_UNDERSTOOD;
    commands.push(command);
  }
  return commands.length === 0 ? NOT_UNDERSTOOD : commands;
};

const readCommand = (
  [first = "", ...rest]: readonly string[],
  expand: (word: string) => string,
): ExecCommand | null => {
  const [, prefixes = "", path = ""] = /^([-@:+!|]*)(.*)$/s.exec(first) ?? [];
  const hasOtherName = prefixes.includes("@");
  const isLiteral = prefixes.includes(":");
  const args = (hasOtherName ? rest.slice(1) : rest).map(expand);
  const program = expand(path);
  if (program === "" || prefixes.includes("|")) return null;
  return {
    words: [program, ...args.filter((word) => isLiteral || !isDropped(word))],
    dropped: isLiteral ? [] : args.filter(isDropped),
    ignoresFailure: prefixes.includes("-"),
    isPrivileged: /[+!]/.test(prefixes),
    isLiteral,
    hasOtherName,
  };
};

const isDropped = (word: string): boolean => /^\$(?![{$])/.test(word) && !/^\$[A-Za-z_]\w*$/.test(word);

/** What systemd makes of a word: its texts and variables in order. `splits` is a variable alone, whose value is split at white space. */
type WordPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string; readonly splits: boolean };

/** Splits a word into texts and variables: `${NAME}` anywhere, and `$NAME` as a word of its own. `$$` is a dollar sign. */
const partsOf = (word: string): readonly WordPart[] => {
  const alone = /^\$([A-Za-z_]\w*)$/.exec(word)?.[1];
  if (alone !== undefined) return [{ kind: "variable", name: alone, splits: true }];
  const parts: WordPart[] = [];
  let text = "";
  for (const [token, name] of word.matchAll(/\$\{([A-Za-z_]\w*)\}|\$\$|[^$]+|\$/g)) {
    if (name === undefined) text += token === "$$" ? "$" : token;
    else {
      if (text !== "") parts.push({ kind: "text", text });
      parts.push({ kind: "variable", name, splits: false });
      text = "";
    }
  }
  return text === "" && parts.length > 0 ? parts : [...parts, { kind: "text", text }];
};

/** Returns the words if no variable is expanded in them, otherwise null. */
export const plainWords = ({ words, isLiteral }: ExecCommand): readonly [string, ...string[]] | null => {
  const [program, ...args] = words;
  if (isLiteral) return words;
  const texts = args.map((word) => {
    const [part, ...more] = partsOf(word);
    return part?.kind === "text" && more.length === 0 ? part.text : null;
  });
  return texts.includes(null) ? null : [program, ...texts.flatMap((text) => text ?? [])];
};

/** Returns the variables of the words `$NAME`, whose values are split. */
export const splitNames = ({ words: [, ...args], isLiteral }: ExecCommand): readonly string[] =>
  isLiteral
    ? []
    : args.flatMap(partsOf).flatMap((part) => (part.kind === "variable" && part.splits ? [part.name] : []));

/**
 * Formats a command as a line of a POSIX shell, which has to have `set -f` if it splits a variable. A shell does not see the quotes in a value,
 * so `values` has the words of the variables with some.
 */
export const shellLine = (
  command: ExecCommand,
  values: ReadonlyMap<string, readonly string[]>,
): { readonly line: string; readonly splits: boolean } => {
  const [program, ...args] = command.words;
  const plain = plainWords(command);
  const words =
    plain === null
      ? [
          shellText(program),
          ...args.flatMap((word) => {
            const known = values.get(/^\$(\w+)$/.exec(word)?.[1] ?? "");
            return known?.map(shellText) ?? [partsOf(word).map(shellPart).join("")];
          }),
        ]
      : plain.map(shellText);
  const splits = plain === null && splitNames(command).some((name) => !values.has(name));
  return { line: words.join(" "), splits };
};

const shellPart = (part: WordPart): string => {
  if (part.kind === "text") return shellText(part.text);
  return part.splits ? `$${part.name}` : `"\${${part.name}}"`;
};

/** Quotes a text for a POSIX shell, if it needs quotes. */
export const shellText = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
