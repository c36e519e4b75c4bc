import { PetitError } from "../../domain/errors.ts";
import { usageError } from "../argv.ts";
import { type Context, defineCommand } from "../command.ts";
import { findCandidates } from "../completion/candidates.ts";
import { completionScript, SHELLS } from "../completion/scripts.ts";
import { completionTarget } from "../completion/target.ts";
import { EXIT } from "../exit.ts";
import { oneLine } from "../terminal/text-width.ts";

export const completion = defineCommand({
  name: "completion",
  summary: "Print a completion script for bash, zsh or fish",
  description:
    "Prints a script with which the shell completes petit's commands and flags, and the jobs, runs and tasks of the running petit.",
  args: {
    SHELL: { type: "positional", required: false, description: "bash, zsh or fish." },
    line: {
      type: "string",
      valueHint: "TEXT",
      description:
        "Print what completes this command line, as the scripts do: a value per line, and a text behind a tab.",
    },
  },
  usage: ["petit completion SHELL"],
  choices: SHELLS,
  settings: [],
  examples: [
    "petit completion bash > /etc/bash_completion.d/petit",
    'eval "$(petit completion zsh)"',
    "petit completion fish > ~/.config/fish/completions/petit.fish",
    'petit completion --line "petit status "',
  ],
  run: async ({ SHELL, line }, context) => {
    const { terminal, commands } = context;
    if (line !== undefined) {
      terminal.out.write(await valuesFor(line, context));
      return EXIT.DONE;
    }
    if (SHELL === undefined) throw usageError(`SHELL is missing: ${SHELLS.join(", ")}`, null, "petit completion");
    const shell = SHELLS.find((each) => each === SHELL);
    if (shell === undefined) {
      throw new PetitError("invalid_request", `there is no completion for '${SHELL}'; expected ${SHELLS.join(", ")}`);
    }
    terminal.out.write(completionScript(shell, commands));
    return EXIT.DONE;
  },
});

/** Returns nothing if petit does not answer, or the line has a mistake: a message would disturb the line that is being typed. */
const valuesFor = async (line: string, context: Context): Promise<string> => {
  const target = completionTarget(line, context.commands);
  if (target === null) return "";
  const candidates = await findCandidates(target, context).catch(() => []);
  return candidates.map(({ value, text }) => `${value}\t${oneLine(text)}\n`).join("");
};
