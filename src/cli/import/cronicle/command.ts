import type { EventFields } from "./event-fields.ts";
import type { PlainMap } from "./export.ts";
import { type CommandFields, nameVariables } from "./script.ts";

type Command = { readonly command: string; readonly params: EventFields; readonly plugin: PlainMap | null };

/** Returns the task of any other plugin: a command that gets the params as JSON on its standard input, and as variables. */
export const commandTask = (fields: EventFields, { command, params, plugin }: Command): CommandFields => {
  fields.note("plugin", "its exit status alone says how it ended; what it prints as JSON is not read");
  if (/^[^\s/]+\//.test(command) && !String(plugin?.cwd ?? "").startsWith("/"))
    fields.leaveOut(
      "plugin",
      `${command} is in the folder of Cronicle, which the export does not name; \`working_dir\` names it`,
    );
  nameVariables(fields, "plugin", command);
  return {
    fields: {
      type: "shell",
      script: `exec ${asWords(command)}\n`,
      stdin: `${JSON.stringify({ params: params.all() })}\n`,
    },
    environment: variablesOf(params),
  };
};

/** Cronicle does not divide the value of a variable into words. */
const asWords = (command: string): string =>
  command.replace(/"(?:[^"\\]|\\.)*"|'[^']*'|\\.|\$\{\w+\}|\$\w+/gs, (part) =>
    part.startsWith("$") ? `"${part}"` : part,
  );

/** Each param is a variable, too, in which `\$` is a `$` and `$NAME` another variable. */
const variablesOf = (params: EventFields): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(params.all()).flatMap(([name, value]) => {
      const variable = name.toUpperCase().replace(/\W+/g, "_");
      if (!/^[A-Z_]\w*$/.test(variable) || variable.startsWith("PETIT_")) {
        params.leaveOut(name, "it is no name of a variable; the command gets it on its standard input only");
        return [];
      }
      const text = (typeof value === "object" ? JSON.stringify(value) : String(value)).toWellFormed();
      if (text.includes("\0")) {
        params.leaveOut(name, "a variable has no character U+0000; the command gets it on its standard input only");
        return [];
      }
      if (/(?<!\\)\$\w/.test(text))
        params.leaveOut(name, "Cronicle puts the value of another variable in; petit does not");
      return [[variable, text.replace(/\\(\$\w)/g, "$1")] as const];
    }),
  );
