import type { ArgsDef } from "citty";
import { suggest } from "../lib/suggest.ts";
import { nameOf, usageError } from "./argv.ts";
import type { Command } from "./command.ts";
import { argsOf } from "./flags.ts";
import { usageLines } from "./help/help.ts";

/** Throws `invalid_request` where an argument is missing, empty or too many. */
export const checkWords = (command: Command, words: readonly string[]): void => {
  const places = positionals(command.args);
  const missing = places.filter(({ required }) => required)[words.length];
  if (missing !== undefined) throw usageError(`${missing.name} is missing: ${usage(command)}`, null, nameOf(command));
  const empty = places[words.indexOf("")];
  if (empty !== undefined) throw usageError(`${empty.name} is empty: ${usage(command)}`, null, nameOf(command));
  const extra = words[places.length];
  if (extra === undefined) return;
  const what = `unexpected argument '${extra}': ${usage(command)}`;
  const behind = extra.startsWith("--") ? " (what stands behind '--' is no flag)" : "";
  const near = behind === "" ? nearFlag(extra, command) : null;
  throw usageError(`${what}${behind}`, near === null ? null : `'${near}'`, nameOf(command));
};

/** Flags lose their dashes; but two letters are like anything. */
const nearFlag = (word: string, command: Command): string | null => {
  const name = word.length > 2 ? suggest(word, Object.keys(argsOf(command))) : null;
  return name === null ? null : `--${name}`;
};

export const positionals = (args: ArgsDef): readonly { readonly name: string; readonly required: boolean }[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type === "positional")
    .map(([name, arg]) => ({ name, required: arg.required !== false }));

const usage = (command: Command): string => usageLines(command).join(" or ");
