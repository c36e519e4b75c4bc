import type { ArgDef, ArgsDef } from "citty";
import type { Command } from "../command.ts";
import { argsOf } from "../flags.ts";

/** The end of a command line that is being typed: what to complete, and what was written before it. */
export type CompletionTarget = {
  readonly command: Command;
  /** The name of the argument, such as `RUN`, or of the flag with two dashes, such as `--before`. */
  readonly name: string;
  /** What is written of it so far. */
  readonly written: string;
  /** The arguments before it by name. */
  readonly before: ReadonlyMap<string, string>;
  /** The values of the flags before it. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
};

/**
 * Returns what the last word of a command line is, or null if it is the program, a command or a flag, which the shell
 * completes. An incomplete line is never an error. Quotes are not interpreted, because ids need none.
 */
export const completionTarget = (line: string, commands: readonly Command[]): CompletionTarget | null => {
  const words = line.trimStart().split(/\s+/).slice(1);
  const written = words.pop();
  const tables = commands.map((command) => argsOf(command));
  const at = commandIndex(words, commands, tables);
  const command = commands.find(({ name }) => name === words[at]);
  if (written === undefined || command === undefined) return null;
  const args = argsOf(command);
  const state = readWords(
    words.filter((_, index) => index !== at),
    [args],
  );
  const names = positionalNames(args);
  const before = new Map(state.positionals.map((value, index) => [names[index] ?? "", value]));
  const { flags, awaiting } = state;
  if (awaiting !== null) return { command, name: `--${awaiting}`, written, before, flags };
  const name = names[state.positionals.length];
  return name === undefined || written.startsWith("-") ? null : { command, name, written, before, flags };
};

const positionalNames = (args: ArgsDef): readonly string[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type === "positional")
    .map(([name]) => name);

/** Returns the index of the first word that is neither a flag nor a flag's value; -1 if there is none. */
const commandIndex = (words: readonly string[], commands: readonly Command[], tables: readonly ArgsDef[]): number =>
  words.findIndex(
    (word, index) =>
      commands.some(({ name }) => name === word) && readWords(words.slice(0, index), tables).awaiting === null,
  );

type Words = {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  /** The flag whose value comes next. */
  readonly awaiting: string | null;
};

const readWords = (words: readonly string[], tables: readonly ArgsDef[]): Words => {
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  let awaiting: string | null = null;
  const add = (name: string, value: string): void => void flags.set(name, [...(flags.get(name) ?? []), value]);
  for (const word of words) {
    if (awaiting !== null) {
      add(awaiting, word);
      awaiting = null;
    } else if (!word.startsWith("-")) positionals.push(word);
    else {
      const [spelling = "", value] = word.split(/=(.*)/s);
      const name = valuedFlag(spelling, tables);
      if (name !== null && value !== undefined) add(name, value);
      else awaiting = name;
    }
  }
  return { flags, positionals, awaiting };
};

/** Returns the name of a flag that takes a value, or null for other flags. */
const valuedFlag = (spelling: string, tables: readonly ArgsDef[]): string | null => {
  for (const [name, arg] of tables.flatMap((args) => Object.entries(args))) {
    if (arg.type === "string" && spellingsOf(name, arg).includes(spelling)) return name;
  }
  return null;
};

const spellingsOf = (name: string, arg: ArgDef): readonly string[] => [
  `--${name}`,
  ...("alias" in arg ? [arg.alias ?? []].flat().map((alias) => `-${alias}`) : []),
];
