import type { ArgsDef, ParsedArgs } from "citty";
import type { Origins, SettingKey, Settings } from "../app/settings/settings.ts";
import type { Heartbeat } from "../domain/health.ts";
import type { TaskLimits } from "../domain/limits/task-limits.ts";
import type { NotifyTarget } from "../domain/notification.ts";
import type { SignInSettings } from "../domain/people/sign-in.ts";
import type { Digest } from "../domain/review/digest.ts";
import type { GitAccess } from "../jobfile/read/job-source.ts";
import type { Clock } from "../lib/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ExitStatus } from "./exit.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** A command of petit: its arguments, its help and its implementation. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Sentences for the help of the command. */
  readonly description: string;
  /** The arguments and flags as citty declares them, without settings and global flags. */
  readonly args: ArgsDef;
  /** The possible values of the first argument, if it has a fixed set of values. */
  readonly choices?: readonly string[];
  /** True if the last argument can be repeated; `args._` then has all arguments. */
  readonly repeatsLast?: true;
  /** The settings that the command takes as flags, besides the global ones. */
  readonly settings: readonly SettingKey[];
  /** The usage lines. [default: derived from the arguments] */
  readonly usage?: readonly string[];
  readonly examples: readonly string[];
  /** Returns a table for the end of the help. */
  readonly reference?: () => { readonly title: string; readonly rows: readonly (readonly [string, string])[] };
  run(args: ParsedArgs, context: Context): Promise<ExitStatus>;
};

/** The environment of a command. */
export type Context = {
  readonly terminal: Terminal;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: Settings;
  readonly origins: Origins;
  /** The receivers of jobs that name none, from the configuration file. */
  readonly defaultNotify: readonly NotifyTarget[];
  /** The digest of the configuration file; null if there is none. */
  readonly digest?: { readonly digest: Digest; readonly folder: string } | null;
  /** The heartbeat of the configuration file; null if there is none. */
  readonly heartbeat?: { readonly heartbeat: Heartbeat; readonly folder: string } | null;
  /** The access to the repository with the job files, from the configuration file. */
  readonly gitAccess?: GitAccess;
  /** Where people come from, besides tokens, from the configuration file. */
  readonly signIn?: SignInSettings | null;
  /** The limits of tasks whose job has none, from the configuration file. */
  readonly taskLimits?: TaskLimits;
  /** All values of each given flag, in order. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly json: boolean;
  /** petit's version. */
  readonly version: string;
  /** All commands, in the order of the help. */
  readonly commands: readonly Command[];
};

type CommandDeclaration<T extends ArgsDef> = Omit<Command, "args" | "run"> & {
  readonly args: T;
  readonly run: (args: ParsedArgs<T>, context: Context) => Promise<ExitStatus>;
};

/** Defines a command, and infers the types of the arguments of `run` from `args`. */
export const defineCommand = <const T extends ArgsDef>(declaration: CommandDeclaration<T>): Command => ({
  ...declaration,
  run: (args, context) => declaration.run(args as ParsedArgs<T>, context),
});
