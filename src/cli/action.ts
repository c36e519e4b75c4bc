import { suggest } from "../lib/suggest.ts";
import { usageError } from "./argv.ts";

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
