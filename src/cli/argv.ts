import type { ArgDef, ArgsDef } from "citty";
import { PetitError } from "../domain/errors.ts";
import { suggest } from "../lib/suggest.ts";
import type { Command } from "./command.ts";
import { argsOf } from "./flags.ts";

/** A parsed command line. */
export type Invocation = {
  readonly command: Command | null;
  /** All values of each flag, in order. A switch has the value `true` or `false`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** The arguments that are neither flags nor the command. */
  readonly positionals: readonly string[];
};

/**
 * Parses a command line strictly. Flags may come before or after the command. Throws `invalid_request`, with a suggestion if
 * there is one, for an unknown command, an unknown flag, or a missing or unexpected value of a flag.
 */
export const readArgv = (argv: readonly string[], commands: readonly Command[]): Invocation => {
  const at = findCommandWord(argv, commands);
  const command = at === null ? null : findCommand(argv[at] ?? "", commands);
  const rest = argv.filter((_, index) => index !== at);
  // If the command is missing, accept the flags of all commands.
  const args = command === null ? allArgs(commands) : argsOf(command);
  return { command, ...readFlags(rest, { args, command: nameOf(command) }) };
};

const allArgs = (commands: readonly Command[]): ArgsDef =>
  Object.assign({}, ...commands.map((command) => argsOf(command)), argsOf(null));

/** Returns `petit run` for the command `run`, and `petit` for null. */
export const nameOf = (command: Pick<Command, "name"> | null): string =>
  command === null ? "petit" : `petit ${command.name}`;

const findCommand = (word: string, commands: readonly Command[]): Command => {
  const command = commands.find(({ name }) => name === word);
  if (command !== undefined) return command;
  const near = suggest(
    word,
    commands.map(({ name }) => name),
  );
  const suggestion = near === null ? sameNamedFlag(word) : `petit ${near}`;
  throw usageError(`unknown command '${word}'`, suggestion === null ? null : `'${suggestion}'`, "petit");
};

const sameNamedFlag = (word: string): string | null => (Object.hasOwn(argsOf(null), word) ? `petit --${word}` : null);

/** Returns the index of the first argument that is neither a flag nor a flag's value. */
const findCommandWord = (argv: readonly string[], commands: readonly Command[]): number | null => {
  const known = flagTable(allArgs(commands));
  for (let index = 0; index < argv.length; index++) {
    const token = argv[index] ?? "";
    if (token === "--") return index + 1 < argv.length ? index + 1 : null;
    if (!isFlag(token)) return index;
    checkKnown(token, known);
    if (consumesNext(token, { next: argv[index + 1], commands })) index++;
  }
  return null;
};

type Flag = { readonly name: string; readonly arg: ArgDef };
type FlagTable = ReadonlyMap<string, Flag>;

/** Returns the flags by their spelling: `--name`, `-n`. */
const flagTable = (args: ArgsDef): FlagTable => {
  const table = new Map<string, Flag>();
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    table.set(`--${name}`, { name, arg });
    for (const alias of "alias" in arg ? [arg.alias ?? []].flat() : []) table.set(`-${alias}`, { name, arg });
  }
  return table;
};

const isFlag = (token: string): boolean => token.startsWith("-") && token !== "-";

/** Throws if a flag before the command is unknown: whether the next argument is its value would be unknown too. */
const checkKnown = (token: string, known: FlagTable): void => {
  const [written = ""] = token.startsWith("--") ? splitAt(token, "=") : [token.slice(0, 2)];
  if (known.has(written) || known.has(written.replace(/^--no-/, "--"))) return;
  throw unknownFlag(written, { table: known, command: "petit" });
};

type NextArgument = { readonly next: string | undefined; readonly commands: readonly Command[] };

/**
 * Returns whether the next argument is the value of a flag. If commands differ about the flag, it is, unless it is the name of a
 * command.
 */
const consumesNext = (token: string, { next, commands }: NextArgument): boolean => {
  const tables = commands.map((command) => flagTable(argsOf(command)));
  const typesOf = (written: string): readonly (string | undefined)[] =>
    tables.flatMap((table) => table.get(written)?.arg.type ?? []);
  const written = token.startsWith("--") ? token : lastOfCluster(token, (flag) => typesOf(flag).includes("string"));
  const types = written === null ? [] : typesOf(written);
  if (!types.includes("string")) return false;
  return types.every((type) => type === "string") || !commands.some(({ name }) => name === next);
};

/** Returns the last flag of a cluster, such as `-n` of `-fn`, or null if the cluster contains a value. */
const lastOfCluster = (token: string, isValued: (flag: string) => boolean): string | null => {
  const at = [...token].findIndex((letter, index) => index > 0 && isValued(`-${letter}`));
  return at === token.length - 1 ? `-${token[at]}` : null;
};

type ParserState = {
  readonly table: FlagTable;
  /** Names of the arguments that are not flags, such as `JOBS_DIR`. */
  readonly positionals?: readonly string[];
  /** Names the command in errors. */
  readonly command: string;
  readonly tokens: string[];
  readonly flags: Map<string, string[]>;
};

const readFlags = (
  argv: readonly string[],
  { args, command }: { readonly args: ArgsDef; readonly command: string },
): Pick<Invocation, "flags" | "positionals"> => {
  const positionalArgs = Object.entries(args).filter(([, { type }]) => type === "positional");
  const state: ParserState = {
    table: flagTable(args),
    positionals: positionalArgs.flatMap(([name]) => name.split("|")),
    command,
    tokens: [...argv],
    flags: new Map(),
  };
  const positionals: string[] = [];
  for (let token = state.tokens.shift(); token !== undefined; token = state.tokens.shift()) {
    if (token === "--") positionals.push(...state.tokens.splice(0));
    else if (!isFlag(token)) positionals.push(token);
    else if (token.startsWith("--")) readLong(token, state);
    else readShort(token, state);
  }
  return { flags: state.flags, positionals };
};

/** Reads `--name`, `--name value`, `--name=value` or `--no-name`. */
const readLong = (token: string, state: ParserState): void => {
  const [written = "", given] = splitAt(token, "=");
  const flag = state.table.get(written);
  const negated = state.table.get(written.replace(/^--no-/, "--"));
  if (flag?.arg.type === "string") addValue(state, flag, given ?? nextValue(written, state));
  else if (flag !== undefined) addValue(state, flag, switchValue(written, given, state));
  else if (negated !== undefined && isNegatable(negated.arg))
    addValue(state, negated, String(switchValue(written, given, state) === "false"));
  else throw unknownFlag(written, state);
};

/** Reads `-n 10`, `-n10`, `-n=10` or `-fh`. */
const readShort = (token: string, state: ParserState): void => {
  for (let index = 1; index < token.length; index++) {
    const written = `-${token[index]}`;
    const flag = state.table.get(written);
    if (flag === undefined) throw unknownFlag(written, state);
    if (flag.arg.type !== "string") {
      addValue(state, flag, "true");
      continue;
    }
    const attached = token.slice(index + 1).replace(/^=/, "");
    addValue(state, flag, attached === "" ? nextValue(written, state) : attached);
    return;
  }
};

const splitAt = (text: string, separator: string): [string, string?] => {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
};

const addValue = (state: ParserState, flag: Flag, value: string): void => {
  state.flags.set(flag.name, [...(state.flags.get(flag.name) ?? []), value]);
};

/** Takes the next argument as a value. One that looks like a flag is refused: more likely the value is missing. */
const nextValue = (written: string, state: ParserState): string => {
  const next = state.tokens[0];
  if (next === undefined || /^--|^-[A-Za-z]/.test(next))
    throw usageError(`${written} needs a value`, null, state.command);
  state.tokens.shift();
  return next;
};

const switchValue = (written: string, given: string | undefined, state: ParserState): string => {
  if (given === undefined || given === "true" || given === "false") return given ?? "true";
  throw usageError(`${written} takes no value, but was given '${given}'`, null, state.command);
};

const isNegatable = (arg: ArgDef): boolean => "negativeDescription" in arg;

const unknownFlag = (
  written: string,
  { positionals = [], ...state }: Pick<ParserState, "table" | "command" | "positionals">,
): PetitError => {
  const argument = written.replace(/^--/, "").replaceAll("-", "_").toUpperCase();
  if (positionals.includes(argument))
    return usageError(`unknown flag '${written}'; ${argument} is an argument without a flag`, null, state.command);
  const negations = [...state.table].filter(([, { arg }]) => isNegatable(arg)).map(([, { name }]) => `--no-${name}`);
  const near = written.startsWith("--") ? suggest(written, [...longNames(state.table), ...negations]) : null;
  return usageError(`unknown flag '${written}'`, near === null ? null : `'${near}'`, state.command);
};

const longNames = (table: FlagTable): readonly string[] => [...table.keys()].filter((name) => name.startsWith("--"));

/** Creates an error such as `unknown flag '--jsn'; did you mean '--json'? See 'petit run --help'.` */
export const usageError = (problem: string, suggestion: string | null, command: string): PetitError =>
  new PetitError(
    "invalid_request",
    `${problem}${suggestion === null ? "." : `; did you mean ${suggestion}?`} See '${command} --help'.`,
  );
