import { PetitError } from "../../domain/errors.ts";
import { flagOf, type Setting, spellingsOf, textsOf, variableOf } from "./setting.ts";
import { givenBy, type Origin, type Origins, SETTINGS, type Settings } from "./settings.ts";

/** The given values of settings, by origin. */
export type SettingValues = {
  /** By flag name without dashes; a switch is `true` or `false`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By key of the configuration file. */
  readonly file: { readonly path: string; readonly values: ReadonlyMap<string, readonly string[]> } | null;
};

/** Resolves each setting from its flag, variable, configuration file or default, in this order. Throws `invalid_request` that names the origin. */
export const resolveSettings = (given: SettingValues): { readonly settings: Settings; readonly origins: Origins } => {
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const found = find(setting, given);
    settings[key] = found === null ? setting.default : parse(setting, found);
    origins[key] = found?.origin ?? { kind: "default", name: "default" };
  }
  return { settings: settings as Settings, origins: origins as Origins };
};

type Found = { readonly origin: Origin; readonly texts: readonly string[] };

const find = (setting: Setting<unknown>, given: SettingValues): Found | null => {
  const flag = given.flags.get(flagOf(setting));
  if (flag !== undefined) return { origin: { kind: "flag", name: `--${flagOf(setting)}` }, texts: flag };
  const variable = fromVariable(setting, given.environment);
  if (variable !== null) return variable;
  const value = given.file?.values.get(setting.name);
  if (given.file === null || value === undefined) return null;
  return { origin: { kind: "file", name: given.file.path }, texts: value };
};

const fromVariable = (setting: Setting<unknown>, environment: SettingValues["environment"]): Found | null => {
  // An empty variable counts as not set.
  const spelling = spellingsOf(setting).find((each) => environment[variableOf(each)]);
  if (spelling === undefined) return null;
  const name = variableOf(spelling);
  const value = environment[name] ?? "";
  const texts = setting.kind.arity === "many" ? value.split(",").map((part) => part.trim()) : [value];
  return { origin: { kind: "environment", name }, texts: textsOf(texts, setting, spelling) };
};

const parse = (setting: Setting<unknown>, found: Found): unknown => {
  const value = setting.kind.parse(found.texts);
  if (value !== null) return value;
  const place = givenBy(setting, found.origin);
  throw new PetitError("invalid_request", `${place} is '${found.texts.join(",")}'; expected ${setting.kind.expected}`);
};
