import type { ArgDef, ArgsDef } from "citty";
import { PetitError } from "../domain/errors.ts";
import { suggest } from "../lib/suggest.ts";
import type { Command } from "./command.ts";
import { argsOf } from "./flags.ts";

/** A command line that was read. */
export type Invocation = {
  readonly command: Command | null;
  /** Every value of each flag, in order; a switch is `true` or `false`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** What is no flag, less the command itself. */
  readonly words: readonly string[];
};

/**
 * Reads a command line strictly: a flag that isn't declared, a value too many or too few, an unknown command throw
 * `invalid_request` with a suggestion. Flags may stand before or after the command.
 */
export const readArgv = (argv: readonly string[], commands: readonly Command[]): Invocation => {
  const at = findCommandWord(argv, commands);
  const command = at === null ? null : findCommand(argv[at] ?? "", commands);
  const rest = argv.filter((_, index) => index !== at);
  // Without a command any flag may be meant for the one that is missing.
  const args = command === null ? allArgs(commands) : argsOf(command);
  return { command, ...readFlags(rest, { args, name: nameOf(command) }) };
};

const allArgs = (commands: readonly Command[]): ArgsDef =>
  Object.assign({}, ...commands.map((command) => argsOf(command)), argsOf(null));

export const nameOf = (command: Pick<Command, "name"> | null): string =>
  command === null ? "petit" : `petit ${command.name}`;

const findCommand = (word: string, commands: readonly Command[]): Command => {
  const command = commands.find(({ name }) => name === word);
  if (command !== undefined) return command;
  const near = suggest(
    word,
    commands.map(({ name }) => name),
  );
  const meant = near === null ? nearFlag(word) : `petit ${near}`;
  throw usageError(`unknown command '${word}'`, meant === null ? null : `'${meant}'`, "petit");
};

const nearFlag = (word: string): string | null => (Object.hasOwn(argsOf(null), word) ? `petit --${word}` : null);

/** The first word that is neither a flag nor the value of one. */
const findCommandWord = (argv: readonly string[], commands: readonly Command[]): number | null => {
  const known = flagTable(allArgs(commands));
  for (let index = 0; index < argv.length; index++) {
    const token = argv[index] ?? "";
    if (token === "--") return index + 1 < argv.length ? index + 1 : null;
    if (!isFlag(token)) return index;
    checkKnown(token, known);
    if (takesNext(token, { next: argv[index + 1], commands })) index++;
  }
  return null;
};

type Flag = { readonly name: string; readonly arg: ArgDef };
type FlagTable = ReadonlyMap<string, Flag>;

/** By the flag as it is written: `--name`, `-n`. */
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

/** A flag before the command: what follows one that nobody knows can't be told to be the command. */
const checkKnown = (token: string, known: FlagTable): void => {
  const [written = ""] = token.startsWith("--") ? splitAt(token, "=") : [token.slice(0, 2)];
  if (known.has(written) || known.has(written.replace(/^--no-/, "--"))) return;
  throw unknownFlag(written, { table: known, name: "petit" });
};

type Around = { readonly next: string | undefined; readonly commands: readonly Command[] };

/** Whether the value of the flag is the next token. Where commands differ about the flag, that is one unless it names one. */
const takesNext = (token: string, { next, commands }: Around): boolean => {
  const tables = commands.map((command) => flagTable(argsOf(command)));
  const typesOf = (written: string): readonly (string | undefined)[] =>
    tables.flatMap((table) => table.get(written)?.arg.type ?? []);
  const written = token.startsWith("--") ? token : lastOfCluster(token, (flag) => typesOf(flag).includes("string"));
  const types = written === null ? [] : typesOf(written);
  if (!types.includes("string")) return false;
  return types.every((type) => type === "string") || !commands.some(({ name }) => name === next);
};

/** `-n` of `-fn`; null where a value is attached to it or to one before it. */
const lastOfCluster = (token: string, isValued: (flag: string) => boolean): string | null => {
  const at = [...token].findIndex((letter, index) => index > 0 && isValued(`-${letter}`));
  return at === token.length - 1 ? `-${token[at]}` : null;
};

type Reading = {
  readonly table: FlagTable;
  readonly name: string;
  readonly tokens: string[];
  readonly flags: Map<string, string[]>;
};

const readFlags = (
  argv: readonly string[],
  of: { readonly args: ArgsDef; readonly name: string },
): Pick<Invocation, "flags" | "words"> => {
  const reading: Reading = { table: flagTable(of.args), name: of.name, tokens: [...argv], flags: new Map() };
  const words: string[] = [];
  for (let token = reading.tokens.shift(); token !== undefined; token = reading.tokens.shift()) {
    if (token === "--") words.push(...reading.tokens.splice(0));
    else if (!isFlag(token)) words.push(token);
    else if (token.startsWith("--")) readLong(token, reading);
    else readShort(token, reading);
  }
  return { flags: reading.flags, words };
};

/** `--name`, `--name value`, `--name=value`, `--no-name`. */
const readLong = (token: string, reading: Reading): void => {
  const [written = "", given] = splitAt(token, "=");
  const flag = reading.table.get(written);
  const negated = reading.table.get(written.replace(/^--no-/, "--"));
  if (flag?.arg.type === "string") keep(reading, flag, given ?? nextValue(written, reading));
  else if (flag !== undefined) keep(reading, flag, switchValue(written, given, reading));
  else if (negated !== undefined && isNegatable(negated.arg))
    keep(reading, negated, String(switchValue(written, given, reading) === "false"));
  else throw unknownFlag(written, reading);
};

/** `-n 10`, `-n10`, `-n=10`, `-fh`. */
const readShort = (token: string, reading: Reading): void => {
  for (let index = 1; index < token.length; index++) {
    const written = `-${token[index]}`;
    const flag = reading.table.get(written);
    if (flag === undefined) throw unknownFlag(written, reading);
    if (flag.arg.type !== "string") {
      keep(reading, flag, "true");
      continue;
    }
    const attached = token.slice(index + 1).replace(/^=/, "");
    keep(reading, flag, attached === "" ? nextValue(written, reading) : attached);
    return;
  }
};

const splitAt = (text: string, separator: string): [string, string?] => {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
};

const keep = (reading: Reading, flag: Flag, value: string): void => {
  reading.flags.set(flag.name, [...(reading.flags.get(flag.name) ?? []), value]);
};

/** What looks like a flag is more likely one whose predecessor lost its value. */
const nextValue = (written: string, reading: Reading): string => {
  const next = reading.tokens[0];
  if (next === undefined || /^--|^-[A-Za-z]/.test(next))
    throw usageError(`${written} needs a value`, null, reading.name);
  reading.tokens.shift();
  return next;
};

const switchValue = (written: string, given: string | undefined, reading: Reading): string => {
  if (given === undefined || given === "true" || given === "false") return given ?? "true";
  throw usageError(`${written} takes no value, but was given '${given}'`, null, reading.name);
};

const isNegatable = (arg: ArgDef): boolean => "negativeDescription" in arg;

const unknownFlag = (written: string, reading: Pick<Reading, "table" | "name">): PetitError => {
  const negations = [...reading.table].filter(([, { arg }]) => isNegatable(arg)).map(([, { name }]) => `--no-${name}`);
  const near = written.startsWith("--") ? suggest(written, [...longNames(reading.table), ...negations]) : null;
  return usageError(`unknown flag '${written}'`, near === null ? null : `'${near}'`, reading.name);
};

const longNames = (table: FlagTable): readonly string[] => [...table.keys()].filter((name) => name.startsWith("--"));

/** `what; did you mean near? See 'petit run --help'.` */
export const usageError = (what: string, near: string | null, name: string): PetitError =>
  new PetitError("invalid_request", `${what}${near === null ? "." : `; did you mean ${near}?`} See '${name} --help'.`);
