import type { ArgsDef } from "citty";
import { PetitError } from "../../domain/errors.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { argsOf, globalArgs, ownArgs } from "../flags.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const completion = defineCommand({
  name: "completion",
  summary: "Print a completion script for bash, zsh or fish",
  description: "Prints a script with which the shell completes petit's commands and flags.",
  args: {
    SHELL: { type: "positional", required: true, description: "bash, zsh or fish." },
  },
  choices: SHELLS,
  settings: [],
  examples: [
    "petit completion bash > /etc/bash_completion.d/petit",
    'eval "$(petit completion zsh)"',
    "petit completion fish > ~/.config/fish/completions/petit.fish",
  ],
  run: async ({ SHELL }, { terminal, commands }) => {
    const shell = SHELLS.find((each) => each === SHELL);
    if (shell === undefined) {
      throw new PetitError("invalid_request", `there is no completion for '${SHELL}'; expected ${SHELLS.join(", ")}`);
    }
    terminal.out.write(SCRIPTS[shell](commands));
    return EXIT.DONE;
  },
});

const bashScript = (commands: readonly Command[]): string => {
  const names = commands.map(({ name }) => name);
  const wordsOf = (command: Command) => [...choicesOf(command, names), ...flagsOf(argsOf(command))];
  const cases = commands.map((command) => `    ${command.name}) words="${wordsOf(command).join(" ")}" ;;`);
  return `_petit() {
  local current=\${COMP_WORDS[COMP_CWORD]} command="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${names.join("|")}) command=$word; break ;; esac
  done
  case $command in
    "") words="${[...names, ...flagsOf(globalArgs)].join(" ")}" ;;
${cases.join("\n")}
  esac
  # Without a match the shell completes file names.
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _petit petit
`;
};

/** Returns the values of a command's first argument. `help` also takes the names of all commands. */
const choicesOf = ({ name, choices = [] }: Command, names: readonly string[]): readonly string[] =>
  name === "help" ? [...choices, ...names] : choices;

const zshScript = (commands: readonly Command[]): string =>
  `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;

const fishScript = (commands: readonly Command[]): string =>
  [
    ...commands.map(
      ({ name, summary }) => `complete -c petit -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ),
    ...commands.flatMap((command) => fishChoices(command, commands)),
    ...fishFlags(globalArgs, ""),
    ...commands.flatMap((command) => fishFlags(ownArgs(command), `-n '__fish_seen_subcommand_from ${command.name}' `)),
    "",
  ].join("\n");

const fishChoices = (command: Command, commands: readonly Command[]): readonly string[] => {
  const choices = choicesOf(
    command,
    commands.map(({ name }) => name),
  );
  if (choices.length === 0) return [];
  return [`complete -c petit -n '__fish_seen_subcommand_from ${command.name}' -f -a ${quoted(choices.join(" "))}`];
};

const fishFlags = (args: ArgsDef, when: string): readonly string[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type !== "positional")
    .map(([name, arg]) => {
      const short = "alias" in arg && typeof arg.alias === "string" ? ` -s ${arg.alias}` : "";
      const value = arg.type === "string" ? " -r" : "";
      const written = "negativeDescription" in arg && arg.negativeDescription ? `no-${name}` : name;
      return `complete -c petit ${when}-l ${written}${short}${value} -d ${quoted(arg.description ?? "")}`;
    });

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  (typeof SHELLS)[number],
  (commands: readonly Command[]) => string
>;

const flagsOf = (args: ArgsDef): readonly string[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type !== "positional")
    .map(([name, arg]) => ("negativeDescription" in arg && arg.negativeDescription ? `--no-${name}` : `--${name}`));

/** Quotes a text for fish. */
const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
