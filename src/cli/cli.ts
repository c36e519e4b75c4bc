import { parseArgs } from "citty";
import { loadConfigFile } from "../app/settings/config-file.ts";
import { resolveSettings } from "../app/settings/resolve.ts";
import { spellingsOf, textsOf, variableOf } from "../app/settings/setting.ts";
import { givenBy, SETTINGS } from "../app/settings/settings.ts";
import { asJournalLines, isJournal } from "../app/systemd/journal.ts";
import { ClientError } from "../client/error.ts";
import { PetitError } from "../domain/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { escapeUnprintable } from "../lib/printable.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Invocation, readArgv, usageError } from "./argv.ts";
import { exitStatusOf } from "./client/request-failure.ts";
import type { Command, Context } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, EXIT_OF_ERROR, type ExitStatus } from "./exit.ts";
import { Failure } from "./failure.ts";
import { argsOf } from "./flags.ts";
import { commandHelp, rootHelp } from "./help/help.ts";
import { checkWords } from "./positionals.ts";
import { type OutputStream, openTerminal, paint, type Screen, type Terminal } from "./terminal/terminal.ts";
import { versionText } from "./version.ts";

/** What petit is started with. */
export type Host = {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** The version of petit. */
  readonly version: string;
};

/** Does what the command line says. Never throws: what goes wrong is told on stderr and in the exit status. */
export const runCli = async (argv: readonly string[], host: Host): Promise<ExitStatus> => {
  let context: Context | null = null;
  let terminal = openTerminal(host, { color: !argv.includes("--no-color") && !isColorOff(host.environment) });
  try {
    const invocation = readArgv(withoutHelpWord(argv), COMMANDS);
    if (argv.length === 0 || isAnsweredAtOnce(invocation)) return answerAtOnce(invocation, terminal.out, host);
    const command = checkedCommand(invocation);
    context = openContext(invocation.flags, host);
    terminal = context.terminal;
    return await command.run(parseArgs(normalised(command, invocation), argsOf(command)), context);
  } catch (error) {
    return report(namingDatabase(error, context), terminal, host);
  }
};

/** What can't wait for the settings: help, and what is wrong with the command line or with them. */
const isColorOff = (environment: Host["environment"]): boolean =>
  spellingsOf(SETTINGS.color).some((spelling) => {
    const texts = [environment[variableOf(spelling)] ?? ""];
    return SETTINGS.color.kind.parse(textsOf(texts, SETTINGS.color, spelling)) === false;
  });

/** `petit help run` is `petit run --help`. */
const withoutHelpWord = (argv: readonly string[]): readonly string[] => {
  const [first, ...rest] = argv;
  return first === "help" && rest.some((word) => COMMANDS.some(({ name }) => name === word))
    ? [...rest, "--help"]
    : argv;
};

/** Help and version need no settings. */
const isAnsweredAtOnce = ({ flags }: Invocation): boolean => flags.has("help") || flags.has("version");

const answerAtOnce = ({ command, flags }: Invocation, out: Screen, host: Host): ExitStatus => {
  const versionAlone = flags.has("version") && !flags.has("help");
  if (versionAlone) out.write(versionText(host, flags.has("json")));
  else out.write(command === null ? rootHelp(COMMANDS, out) : commandHelp(command, out));
  return EXIT.DONE;
};

const checkedCommand = ({ command, words }: Invocation): Command => {
  if (command === null) throw usageError("a command is missing", null, "petit");
  checkWords(command, words);
  return command;
};

const openContext = (flags: Invocation["flags"], host: Host): Context => {
  const { environment } = host;
  const file = loadConfigFile({ path: flags.get("config")?.at(-1) ?? null, environment });
  const { settings, origins } = resolveSettings({ flags, environment, file });
  return {
    ...host,
    terminal: openTerminal(host, { color: settings.color }),
    settings,
    origins,
    flags,
    json: flags.has("json"),
    commands: COMMANDS,
  };
};

/** The command line in the one spelling that leaves citty no choice. */
const normalised = (command: Command, { flags, words }: Pick<Invocation, "flags" | "words">): string[] => {
  const args = argsOf(command);
  const given = [...flags].map(([name, values]) => {
    const value = values.at(-1) ?? "";
    if (args[name]?.type !== "boolean") return `--${name}=${value}`;
    return value === "false" ? `--no-${name}` : `--${name}`;
  });
  return [...given, "--", ...words];
};

/** Returns the error with the variable or the file that names the database, if that is what is wrong and it was one of these. */
const namingDatabase = (error: unknown, context: Context | null): unknown => {
  if (context === null || !(error instanceof PetitError) || error.code !== "unusable_database") return error;
  const { db } = context.origins;
  const place = db.kind === "flag" ? null : givenBy(SETTINGS.db, db);
  if (place === null) return error;
  return new PetitError(error.code, `${error.message} (the database is named by ${place})`, { cause: error });
};

/** One line for what a user can mend; more for what only a developer can. */
const report = (error: unknown, { err }: Terminal, { environment }: Host): ExitStatus => {
  const text = `${paint(err, "red", "petit:")} ${messageOf(error)}\n`;
  err.write(isJournal(environment) ? asJournalLines("error", text) : text);
  if (error instanceof Failure) return error.status;
  if (error instanceof ClientError) return exitStatusOf(error);
  return error instanceof PetitError ? EXIT_OF_ERROR[error.code] : EXIT.FAILED;
};

/** It may repeat what was given, or what somebody who is no petit answered. */
const messageOf = (error: unknown): string => {
  if (error instanceof Failure || error instanceof ClientError || error instanceof PetitError)
    return error.message.split("\n").map(escapeUnprintable).join("\n");
  return `internal error: ${error instanceof Error ? error.stack : String(error)}`;
};
