import { PetitError } from "../../domain/errors.ts";
import { flagOf, printable, type Setting, spellingsOf, textsOf, variableOf } from "./setting.ts";
import { givenBy, type Origin, type Origins, SETTINGS, type Settings } from "./settings.ts";

/** The given values of settings, by origin. */
export type SettingValues = {
  /** By flag name without dashes; a switch is `true` or `false`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By key of the configuration file. */
  readonly file: { readonly path: string; readonly values: ReadonlyMap<string, readonly string[]> } | null;
};

/**
 * Resolves each setting from its flag, variable, configuration file or default, in this order. The entries of a map come from
 * all of them. Throws `invalid_request` that names the origin.
 */
export const resolveSettings = (given: SettingValues): { readonly settings: Settings; readonly origins: Origins } => {
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const found = findAll(setting, given);
    for (const each of found) parse(setting, each);
    const used = setting.kind.arity === "map" ? joined(found) : (found[0] ?? null);
    settings[key] = used === null ? setting.default : parse(setting, used);
    origins[key] = used?.origin ?? { kind: "default", name: "default" };
  }
  return { settings: settings as Settings, origins: origins as Origins };
};

type Found = { readonly origin: Origin; readonly texts: readonly string[] };

/** Returns what is given, the origin that takes precedence first. Of a map that is each origin, otherwise only the first. */
const findAll = (setting: Setting<unknown>, given: SettingValues): readonly Found[] => {
  const found = [fromFlag, fromVariable, fromFile].flatMap((from) => from(setting, given) ?? []);
  return setting.kind.arity === "map" ? found : found.slice(0, 1);
};

/** Joins the texts so that the last entry of a name is that of the origin that takes precedence. */
const joined = (found: readonly Found[]): Found | null => {
  const [first] = found;
  if (first === undefined) return null;
  const name = found.map(({ origin }) => origin.name).join(" and ");
  return { origin: { ...first.origin, name }, texts: found.toReversed().flatMap(({ texts }) => texts) };
};

const fromFlag = (setting: Setting<unknown>, { flags }: SettingValues): Found | null => {
  const texts = flags.get(flagOf(setting));
  if (texts === undefined) return null;
  // A switch that is on by default has a flag of its own that turns it off.
  const isOff = setting.offDoc !== undefined && setting.kind.parse(texts) === false;
  return { origin: { kind: "flag", name: `--${isOff ? "no-" : ""}${flagOf(setting)}` }, texts };
};

const fromFile = (setting: Setting<unknown>, { file }: SettingValues): Found | null => {
  const texts = file?.values.get(setting.name);
  return file === null || texts === undefined ? null : { origin: { kind: "file", name: file.path }, texts };
};

const fromVariable = (setting: Setting<unknown>, { environment }: SettingValues): Found | null => {
  // An empty variable counts as not set.
  const spelling = spellingsOf(setting).find((each) => environment[variableOf(each)]);
  if (spelling === undefined) return null;
  const name = variableOf(spelling);
  const value = environment[name] ?? "";
  const { arity } = setting.kind;
  const texts = arity === "many" || arity === "map" ? value.split(",").map((part) => part.trim()) : [value];
  return { origin: { kind: "environment", name }, texts: textsOf(texts, setting, spelling) };
};

const parse = (setting: Setting<unknown>, found: Found): unknown => {
  const value = setting.kind.parse(found.texts);
  if (value !== null) return value;
  const place = givenBy(setting, found.origin);
  throw new PetitError(
    "invalid_request",
    `${place} is '${printable(setting.kind, found.texts)}'; expected ${setting.kind.expected}`,
  );
};
