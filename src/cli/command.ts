import type { ArgsDef, ParsedArgs } from "citty";
import type { Origins, SettingKey, Settings } from "../app/settings/settings.ts";
import type { Clock } from "../lib/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ExitStatus } from "./exit.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** One word after `petit`: what it takes, what its help says, and what it does. */
export type Command = {
  readonly name: string;
  /** A line for the list of commands. */
  readonly summary: string;
  /** Sentences for its own help. */
  readonly description: string;
  /** Its arguments and flags, as citty reads them, less the settings and the global flags. */
  readonly args: ArgsDef;
  /** What its first argument can be, where that is one of a few words. */
  readonly choices?: readonly string[];
  /** The settings that it takes as flags, beyond the global ones. */
  readonly settings: readonly SettingKey[];
  /** How it is called, where its arguments alone don't say it. */
  readonly usage?: readonly string[];
  readonly examples: readonly string[];
  /** A table for the end of its help. */
  readonly reference?: () => { readonly title: string; readonly rows: readonly (readonly [string, string])[] };
  run(args: ParsedArgs, context: Context): Promise<ExitStatus>;
};

/** What a command has to work with. */
export type Context = {
  readonly terminal: Terminal;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: Settings;
  readonly origins: Origins;
  /** Every value of each flag that was given, in order. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly json: boolean;
  /** petit's version. */
  readonly version: string;
  /** All of them. */
  readonly commands: readonly Command[];
};

type Declared<T extends ArgsDef> = Omit<Command, "args" | "run"> & {
  readonly args: T;
  readonly run: (args: ParsedArgs<T>, context: Context) => Promise<ExitStatus>;
};

/** Gives `run` the types of the `args` it stands beside. */
export const defineCommand = <const T extends ArgsDef>(declared: Declared<T>): Command => ({
  ...declared,
  run: (args, context) => declared.run(args as ParsedArgs<T>, context),
});
