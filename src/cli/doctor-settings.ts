import type { Setting } from "../app/setting.ts";
import { type Origin, SETTINGS, type SettingKey } from "../app/settings.ts";
import type { Json } from "../lib/json.ts";
import type { Context } from "./command.ts";

/** A setting with what it is and where that came from. */
export type SettingShown = {
  /** As in the configuration file. */
  readonly name: string;
  /** As the configuration file would hold it; null where there is none. */
  readonly value: Json;
  readonly origin: Origin["kind"];
  /** The flag, the variable, or the file; null for a default. */
  readonly from: string | null;
  /** The value for people. */
  readonly text: string;
};

export const isSettingKey = (key: string): key is SettingKey => key in SETTINGS;

/** Every setting, in the order of the help. `jobsDir` is the argument, where it was given. */
export const shownSettings = (
  { settings, origins }: Pick<Context, "settings" | "origins">,
  jobsDir: string | null,
): readonly SettingShown[] =>
  Object.keys(SETTINGS)
    .filter(isSettingKey)
    .map((key) =>
      key === "jobsDir" && jobsDir !== null
        ? shown(SETTINGS.jobsDir, jobsDir, { kind: "flag", name: "JOBS_DIR" })
        : shown(SETTINGS[key], settings[key], origins[key]),
    );

const shown = (setting: Setting<unknown>, value: unknown, { kind, name }: Origin): SettingShown => ({
  name: setting.name,
  value: jsonOf(setting, value),
  origin: kind,
  from: kind === "default" ? null : name,
  text: textOf(setting, value),
});

/** What has a unit is written with it. */
const jsonOf = (setting: Setting<unknown>, value: unknown): Json => {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((each) => withoutSecret(String(each)));
  if (typeof value === "boolean") return value;
  const text = setting.kind.format(value);
  return typeof value === "number" && text === String(value) ? value : withoutSecret(text);
};

const textOf = (setting: Setting<unknown>, value: unknown): string => {
  const isNothing = value === null || value === undefined || (Array.isArray(value) && value.length === 0);
  if (isNothing) return setting.defaultText ?? "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  return withoutSecret(setting.kind.format(value));
};

/** An address may hold a password. */
export const withoutSecret = (text: string): string => text.replace(/^(\w+:\/\/)[^/@]*@/, "$1…@");
