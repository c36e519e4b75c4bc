import type { SettingFact } from "../../api/options.ts";
import { entriesOf } from "./kinds.ts";
import type { Setting } from "./setting.ts";
import { type Origin, type Origins, SETTINGS, type SettingKey, type Settings } from "./settings.ts";

/** A setting with its value and origin. */
export type SettingShown = SettingFact & { readonly origin: Origin["kind"] };

export const isSettingKey = (key: string): key is SettingKey => key in SETTINGS;

type Resolved = { readonly settings: Settings; readonly origins: Origins };

/** Returns all settings, in the order of the help. `jobsDir` is the JOBS_DIR argument, or null. */
export const shownSettings = ({ settings, origins }: Resolved, jobsDir: string | null): readonly SettingShown[] =>
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
  doc: setting.doc,
});

/** Formats values with a unit as text. */
const jsonOf = (setting: Setting<unknown>, value: unknown): SettingFact["value"] => {
  if (value === null || value === undefined) return null;
  if (value instanceof Map) return [...entriesOf(value)];
  if (Array.isArray(value)) return value.map((each) => withoutSecret(String(each)));
  if (typeof value === "boolean") return value;
  const text = setting.kind.format(value);
  return typeof value === "number" && text === String(value) ? value : withoutSecret(text);
};

const textOf = (setting: Setting<unknown>, value: unknown): string => {
  if (value === null || value === undefined || isEmpty(value)) return setting.defaultText ?? "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.map((each) => withoutSecret(String(each))).join(",");
  return withoutSecret(setting.kind.format(value));
};

const isEmpty = (value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) || (value instanceof Map && value.size === 0);

/** Removes the user information of a URL, which may contain a password. */
export const withoutSecret = (text: string): string => text.replace(/^(\w+:\/\/)[^/@]*@/, "$1…@");
