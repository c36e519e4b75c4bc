import type { ArgDef, ArgsDef } from "citty";
import { flagOf, type Setting } from "../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../app/settings/settings.ts";
import type { Command } from "./command.ts";

/** The settings that every command takes as flags. */
export const GLOBAL_SETTINGS = [
  "db",
  "url",
  "tokenFile",
  "logLevel",
  "logFormat",
  "color",
] as const satisfies SettingKey[];

/** The flags of every command that are not settings. */
const GLOBAL_ARGS = {
  config: {
    type: "string",
    valueHint: "FILE",
    description:
      "The configuration file. [default: $PETIT_CONFIG, else ~/.config/petit/config.yaml, else /etc/petit/config.yaml]",
  },
  json: { type: "boolean", description: "Write JSON to stdout." },
  help: { type: "boolean", alias: "h", description: "Show this help." },
  version: { type: "boolean", alias: "V", description: "Show the version; with --json also build details." },
} as const satisfies ArgsDef;

/** Declares a setting for citty. It has no default there, because the setting may be given elsewhere. */
const argOf = (setting: Setting<unknown>): ArgDef => {
  const alias = setting.short === undefined ? {} : { alias: setting.short };
  if (setting.kind.arity === "switch") {
    return { type: "boolean", description: describe(setting), negativeDescription: setting.offDoc ?? "", ...alias };
  }
  return { type: "string", valueHint: setting.kind.placeholder, description: describe(setting), ...alias };
};

const describe = (setting: Setting<unknown>): string => `${setting.doc} [default: ${defaultTextOf(setting)}]`;

const defaultTextOf = (setting: Setting<unknown>): string => {
  if (setting.defaultText !== undefined) return setting.defaultText;
  if (typeof setting.default === "boolean") return setting.default ? "on" : "off";
  const { default: value } = setting;
  return value === null || value === undefined ? "none" : setting.kind.format(value);
};

const argsOfSettings = (keys: readonly SettingKey[]): ArgsDef =>
  Object.fromEntries(keys.map((key) => [flagOf(SETTINGS[key]), argOf(SETTINGS[key])]));

/** The flags of every command. */
export const globalArgs: ArgsDef = { ...argsOfSettings(GLOBAL_SETTINGS), ...GLOBAL_ARGS };

/** Returns the arguments, flags and settings of a command, without the global flags. */
export const ownArgs = (command: Command): ArgsDef => ({ ...command.args, ...argsOfSettings(command.settings) });

/** Returns all arguments and flags of a command, or only the global flags for null. */
export const argsOf = (command: Command | null): ArgsDef =>
  command === null ? globalArgs : { ...ownArgs(command), ...globalArgs };

/** Returns the given flags without those of the command itself, which can have the name of a setting that it does not take. */
export const flagsOfSettings = (
  { args }: Pick<Command, "args">,
  flags: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> => new Map([...flags].filter(([name]) => !Object.hasOwn(args, name)));
