import type { ArgsDef } from "citty";
import type { Command } from "../command.ts";
import { argsOf, globalArgs, ownArgs } from "../flags.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Returns a script with which a shell completes commands, flags and arguments. It asks petit for jobs, runs and tasks. */
export const completionScript = (shell: Shell, commands: readonly Command[]): string => SCRIPTS[shell](commands);

const bashScript = (commands: readonly Command[]): string => {
  const names = commands.map(({ name }) => name);
  const flags = commands.map((command) => `      ${command.name}) words="${flagsOf(argsOf(command)).join(" ")}" ;;`);
  const choices = commands
    .map((command) => ({ name: command.name, words: choicesOf(command, names) }))
    .filter(({ words }) => words.length > 0)
    .map(({ name, words }) => `      ${name}) words="${words.join(" ")}" ;;`);
  return `_petit() {
  local current=\${COMP_WORDS[COMP_CWORD]} command="" word="" words="" value=""
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case $word in ${names.join("|")}) command=$word; break ;; esac
  done
  case $current in
    -*) case $command in
      "") words="${flagsOf(globalArgs).join(" ")}" ;;
${flags.join("\n")}
    esac ;;
    *) case $command in
      "") words="${names.join(" ")}" ;;
${choices.join("\n")}
    esac ;;
  esac
  # Without a match the shell completes file names.
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $command in ${askingCommands(commands).join("|")}) ;; *) return ;; esac
  while IFS= read -r value; do
    COMPREPLY+=("\${value%%$'\\t'*}")
    case $value in *=$'\\t'*) compopt -o nospace 2>/dev/null ;; esac
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" completion --line "\${COMP_LINE:0:$COMP_POINT}" 2>/dev/null)
}
complete -o default -F _petit petit
`;
};

/** Returns the values of a command's first argument. `help` also takes the names of all commands. */
const choicesOf = ({ name, choices = [] }: Command, names: readonly string[]): readonly string[] =>
  name === "help" ? [...new Set([...choices, ...names])] : choices;

const ASKED_ARGUMENTS = ["RUN", "JOB", "JOBS_DIR|JOB", "ENTRY|JOB", "NAME"];

/** Returns the commands with arguments that petit completes. */
const askingCommands = (commands: readonly Command[]): readonly string[] =>
  commands.filter(({ args }) => ASKED_ARGUMENTS.some((name) => Object.hasOwn(args, name))).map(({ name }) => name);

/**
 * Returns a script for `eval`, and for a file _petit in a folder of `fpath`. Such a file is the body of the function _petit, which zsh calls
 * for the first completion; it replaces itself by the function of bash.
 */
const zshScript = (commands: readonly Command[]): string =>
  `#compdef petit
(( $+functions[compdef] )) || { autoload -U +X compinit && compinit; }
autoload -U +X bashcompinit && bashcompinit
${bashScript(commands)}\
if [ "\${funcstack[1]}" = _petit ]; then _bash_complete -o default -F _petit; fi
`;

const FISH_VALUES = "'(petit completion --line (commandline -cp | string collect) 2>/dev/null)'";

/** Flags whose values petit completes. */
const ASKED_FLAGS = ["before", "task", "param", "status", "stream"];

const fishScript = (commands: readonly Command[]): string =>
  [
    ...commands.map(
      ({ name, summary }) => `complete -c petit -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ),
    ...commands.flatMap((command) => fishChoices(command, commands)),
    ...fishArguments(commands),
    ...fishFlags(globalArgs, ""),
    ...commands.flatMap((command) => fishFlags(ownArgs(command), `-n '__fish_seen_subcommand_from ${command.name}' `)),
    "",
  ].join("\n");

/** Files are offered too where an argument can be a folder. */
const fishArguments = (commands: readonly Command[]): readonly string[] => {
  const asking = commands.filter(({ name }) => askingCommands(commands).includes(name));
  const [withFolder, others] = [true, false].map((wanted) =>
    asking.filter(({ args }) => Object.keys(args).some((name) => name.startsWith("JOBS_DIR")) === wanted),
  );
  const line = (list: readonly Command[] = [], flags = ""): string =>
    `complete -c petit -n '__fish_seen_subcommand_from ${list.map(({ name }) => name).join(" ")}' ${flags}-k -a ${FISH_VALUES}`;
  return [line(others, "-f "), line(withFolder)];
};

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
      const value = arg.type !== "string" ? "" : ASKED_FLAGS.includes(name) ? ` -x -a ${FISH_VALUES}` : " -r";
      const written = "negativeDescription" in arg && arg.negativeDescription ? `no-${name}` : name;
      return `complete -c petit ${when}-l ${written}${short}${value} -d ${quoted(arg.description ?? "")}`;
    });

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  Shell,
  (commands: readonly Command[]) => string
>;

const flagsOf = (args: ArgsDef): readonly string[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type !== "positional")
    .map(([name, arg]) => ("negativeDescription" in arg && arg.negativeDescription ? `--no-${name}` : `--${name}`));

/** Quotes a text for fish. */
const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
