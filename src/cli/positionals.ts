import type { ArgsDef } from "citty";
import { suggest } from "../lib/suggest.ts";
import { nameOf, usageError } from "./argv.ts";
import type { Command } from "./command.ts";
import { argsOf } from "./flags.ts";
import { usageLines } from "./help/help.ts";

/** Throws `invalid_request` if an argument is missing, empty or unexpected. */
export const checkPositionals = (command: Command, given: readonly string[]): void => {
  const declared = declaredPositionals(command.args);
  // Without a known action, other arguments can't be judged.
  if ("ACTION" in command.args && given[0]) readAction(given[0], command.choices ?? [], nameOf(command));
  const missing = declared.filter(({ required }) => required)[given.length];
  if (missing !== undefined) throw usageError(`${missing.name} is missing: ${usage(command)}`, null, nameOf(command));
  const empty = declared[given.indexOf("")];
  if (empty !== undefined) throw usageError(`${empty.name} is empty: ${usage(command)}`, null, nameOf(command));
  const extra = command.repeatsLast ? undefined : given[declared.length];
  if (extra === undefined) return;
  const problem = `unexpected argument '${extra}': ${usage(command)}`;
  const note = extra.startsWith("--") ? " (arguments after '--' are not flags)" : "";
  const near = note === "" ? nearFlag(extra, command) : null;
  throw usageError(`${problem}${note}`, near === null ? null : `'${near}'`, nameOf(command));
};

/** Returns a flag with a similar name, in case its dashes were forgotten. Two letters are too few to compare. */
const nearFlag = (word: string, command: Command): string | null => {
  const flags = Object.entries(argsOf(command)).filter(([, { type }]) => type !== "positional");
  const names = flags.map(([flag]) => flag);
  const name = word.length > 2 ? suggest(word, names) : null;
  return name === null ? null : `--${name}`;
};

const declaredPositionals = (args: ArgsDef): readonly { readonly name: string; readonly required: boolean }[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type === "positional")
    .map(([name, arg]) => ({ name, required: arg.required !== false }));

const usage = (command: Command): string => usageLines(command).join(" or ");

/** Returns the action that an argument names. `command` names the command in the error. */
export const readAction = <Action extends string>(
  given: string,
  actions: readonly Action[],
  command: string,
): Action => {
  const action = actions.find((each) => each === given);
  if (action !== undefined) return action;
  const near = suggest(given, actions);
  throw near === null
    ? usageError(`unknown action '${given}'; expected ${actions.join(", ")}`, null, command)
    : usageError(`unknown action '${given}'`, `'${near}'`, command);
};
