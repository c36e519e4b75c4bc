import { parseArgs } from "citty";
import { loadConfigFile } from "../app/settings/config-file.ts";
import { resolveSettings } from "../app/settings/resolve.ts";
import { spellingsOf, textsOf, variableOf } from "../app/settings/setting.ts";
import { givenBy, SETTINGS } from "../app/settings/settings.ts";
import { asJournalLines, isJournal } from "../app/systemd/journal.ts";
import { ClientError } from "../client/error.ts";
import { PetitError } from "../domain/errors.ts";
import { NO_ACCESS } from "../jobfile/read/job-source.ts";
import type { Clock } from "../lib/clock.ts";
import { escapeUnprintable } from "../lib/text.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Invocation, readArgv, usageError } from "./argv.ts";
import { exitStatusOf } from "./client/request-failure.ts";
import type { Command, Context } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, EXIT_OF_ERROR, type ExitStatus, Failure } from "./exit.ts";
import { argsOf, flagsOfSettings } from "./flags.ts";
import { commandHelp, rootHelp } from "./help/help.ts";
import { TOPICS } from "./help/topics/topics.ts";
import { checkPositionals } from "./positionals.ts";
import { fold } from "./terminal/columns.ts";
import { openTerminal, paint, type Screen, type Terminal, type TerminalStream } from "./terminal/terminal.ts";
import { versionText } from "./version.ts";

/** The process that petit runs in. */
export type Host = {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  /** The version of petit. */
  readonly version: string;
};

/** Runs a command line. Never throws: errors are reported on stderr and in the exit status. */
export const runCli = async (argv: readonly string[], host: Host): Promise<ExitStatus> => {
  let context: Context | null = null;
  let terminal = openTerminal(host, { color: !argv.includes("--no-color") && !isColorOff(host.environment) });
  try {
    const invocation = readArgv(expandHelp(argv), COMMANDS);
    if (argv.length === 0 || needsNoSettings(invocation)) return showHelpOrVersion(invocation, terminal.out, host);
    const command = checkedCommand(invocation);
    context = openContext(command, invocation.flags, host);
    terminal = context.terminal;
    return await command.run(parseArgs(toCittyArgv(command, invocation), argsOf(command)), context);
  } catch (error) {
    return report(withDatabaseOrigin(error, context), terminal, host);
  }
};

/** Reads only the `color` variable, for help and for errors that occur before the settings are known. */
const isColorOff = (environment: Host["environment"]): boolean =>
  spellingsOf(SETTINGS.color).some((spelling) => {
    const texts = [environment[variableOf(spelling)] ?? ""];
    return SETTINGS.color.kind.parse(textsOf(texts, SETTINGS.color, spelling)) === false;
  });

/** Rewrites `petit help run` to `petit run --help`, unless it is a topic. */
const expandHelp = (argv: readonly string[]): readonly string[] => {
  const [first, ...rest] = argv;
  const isCommand = (word: string): boolean => COMMANDS.some(({ name }) => name === word);
  const isTopic = (word: string): boolean => TOPICS.some(({ name }) => name === word);
  return first === "help" && rest.some((word) => isCommand(word) && !isTopic(word)) ? [...rest, "--help"] : argv;
};

const needsNoSettings = ({ flags }: Invocation): boolean => flags.has("help") || flags.has("version");

const showHelpOrVersion = ({ command, flags }: Invocation, out: Screen, host: Host): ExitStatus => {
  const versionAlone = flags.has("version") && !flags.has("help");
  if (versionAlone) out.write(versionText(host, flags.has("json")));
  else out.write(command === null ? rootHelp(COMMANDS, out) : commandHelp(command, out));
  return EXIT.DONE;
};

const checkedCommand = ({ command, positionals, flags }: Invocation): Command => {
  if (command === null) throw missingCommand(flags);
  checkPositionals(command, positionals);
  return command;
};

/** A flag without its value takes the command for it. */
const missingCommand = (flags: Invocation["flags"]): PetitError => {
  const isCommand = (word: string): boolean => COMMANDS.some(({ name }) => name === word);
  const [taken] = [...flags].flatMap(([flag, values]) => values.filter(isCommand).map((word) => ({ flag, word })));
  const note = taken === undefined ? "" : `; '${taken.word}' is the value of --${taken.flag}`;
  return usageError(`a command is missing${note}`, null, "petit");
};

const openContext = (command: Command, flags: Invocation["flags"], host: Host): Context => {
  const { runtime, clock, environment, version } = host;
  const file = loadConfigFile({ path: flags.get("config")?.at(-1) ?? null, environment });
  const { settings, origins } = resolveSettings({ flags: flagsOfSettings(command, flags), environment, file });
  return {
    runtime,
    clock,
    environment,
    version,
    terminal: openTerminal(host, { color: settings.color }),
    settings,
    origins,
    defaultNotify: file?.notify ?? [],
    digest: file?.digest ?? null,
    heartbeat: file?.heartbeat ?? null,
    gitAccess: file?.gitAccess ?? NO_ACCESS,
    signIn: file?.signIn ?? null,
    taskLimits: file?.taskLimits ?? {},
    flags,
    json: flags.has("json"),
    commands: COMMANDS,
  };
};

/**
 * Returns the command line in a form that citty parses unambiguously. citty gives each command typed arguments, but accepts
 * unknown flags, missing values and extra arguments, and keeps one value of a repeated flag. So `readArgv` parses first; the
 * second parse takes microseconds.
 */
const toCittyArgv = (command: Command, { flags, positionals }: Invocation): string[] => {
  const args = argsOf(command);
  const given = [...flags].map(([name, values]) => {
    const value = values.at(-1) ?? "";
    if (args[name]?.type !== "boolean") return `--${name}=${value}`;
    return value === "false" ? `--no-${name}` : `--${name}`;
  });
  return [...given, "--", ...positionals];
};

/** Adds the variable or configuration file that names the database to an error about an unusable database. */
const withDatabaseOrigin = (error: unknown, context: Context | null): unknown => {
  if (context === null || !(error instanceof PetitError) || error.code !== "unusable_database") return error;
  const { db } = context.origins;
  const place = db.kind === "flag" ? null : givenBy(SETTINGS.db, db);
  if (place === null) return error;
  return new PetitError(error.code, `${error.message} (set by ${place})`, { cause: error });
};

/** Writes an error to stderr, and returns the exit status. */
const report = (error: unknown, { err }: Terminal, { environment }: Host): ExitStatus => {
  const [first = "", ...more] = messageOf(error).split("\n");
  const lines = [fold(`petit: ${first}`, "  ", err).replace("petit:", paint(err, "red", "petit:")), ...more];
  const text = `${lines.join("\n")}\n`;
  err.write(isJournal(environment) ? asJournalLines("error", text) : text);
  if (error instanceof Failure) return error.status;
  if (error instanceof ClientError) return exitStatusOf(error);
  return error instanceof PetitError ? EXIT_OF_ERROR[error.code] : EXIT.FAILED;
};

/** Returns a message for errors that a user can fix, else the stack. Escapes text that may come from elsewhere. */
const messageOf = (error: unknown): string => {
  if (error instanceof Failure || error instanceof ClientError || error instanceof PetitError)
    return error.message.split("\n").map(escapeUnprintable).join("\n");
  return `internal error: ${error instanceof Error ? error.stack : String(error)}`;
};
