import type { ArgDef, ArgsDef } from "citty";
import { flagOf, type Setting } from "../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../app/settings/settings.ts";
import type { Command } from "./command.ts";

/** Settings that every command takes as flags. */
export const GLOBAL_SETTINGS = [
  "db",
  "url",
  "tokenFile",
  "logLevel",
  "logFormat",
  "color",
] as const satisfies SettingKey[];

/** Flags of every command that are no settings. */
const GLOBAL_ARGS = {
  config: {
    type: "string",
    valueHint: "FILE",
    description:
      "The configuration file. [default: $PETIT_CONFIG, else ~/.config/petit/config.yaml, else /etc/petit/config.yaml]",
  },
  json: { type: "boolean", description: "Write JSON on stdout." },
  help: { type: "boolean", alias: "h", description: "Show this help." },
  version: { type: "boolean", alias: "V", description: "Show the version; with --json also what it is built of." },
} as const satisfies ArgsDef;

/** A setting as citty takes it. No default: what isn't given as a flag is looked for elsewhere. */
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
  return setting.kind.format(setting.default ?? "none");
};

const argsOfSettings = (keys: readonly SettingKey[]): ArgsDef =>
  Object.fromEntries(keys.map((key) => [flagOf(SETTINGS[key]), argOf(SETTINGS[key])]));

export const globalArgs: ArgsDef = { ...argsOfSettings(GLOBAL_SETTINGS), ...GLOBAL_ARGS };

/** The arguments and flags of a command alone: its own, then its settings. */
export const ownArgs = (command: Command): ArgsDef => ({ ...command.args, ...argsOfSettings(command.settings) });

/** Everything that may follow a command's name; of no command, what may follow `petit`. */
export const argsOf = (command: Command | null): ArgsDef =>
  command === null ? globalArgs : { ...ownArgs(command), ...globalArgs };
