/** The declaration of a setting. Its flag, variable, configuration key and help come from here. */
export type Setting<T> = {
  /** Key in the configuration file, such as `api_port`; the variable is then `PETIT_API_PORT`. */
  readonly name: string;
  /** The flag without dashes, if it differs from the name. */
  readonly flag?: string;
  /** One-letter form of the flag. */
  readonly short?: string;
  readonly kind: Kind<T>;
  readonly default: NoInfer<T>;
  /** Description of a default that is not a fixed value. */
  readonly defaultText?: string;
  /** A sentence for the help. */
  readonly doc: string;
  /** For a switch that is on by default: the effect of turning it off. */
  readonly offDoc?: string;
};

/** The type of a setting's value. */
export type Kind<T> = {
  /**
   * `switch` is a flag without a value. `many` and `map` can be repeated (in a variable: separated by commas); the values of a
   * map are `NAME=VALUE`, and those of flags, variables and the configuration file add up.
   */
  readonly arity: "one" | "many" | "map" | "switch";
  /** Placeholder of the value in the help; empty for a switch. */
  readonly placeholder: string;
  /** Completes "expected …". */
  readonly expected: string;
  /** Completes "expected …" for the configuration file, if that differs. */
  readonly expectedInFile?: string;
  /** Returns null if the texts are invalid. */
  readonly parse: (texts: readonly string[]) => T | null;
  /** Returns an invalid text as errors may print it. Default: the text itself. */
  readonly withoutSecret?: (text: string) => string;
  /** A method, so that `Kind<T>` is assignable to `Kind<unknown>`. */
  format(value: NonNullable<T>): string;
};

export const flagOf = (setting: Pick<Setting<unknown>, "name" | "flag">): string =>
  setting.flag ?? setting.name.replaceAll("_", "-");

export const variableOf = ({ name }: { readonly name: string }): string => `PETIT_${name.toUpperCase()}`;

/** Returns an invalid value as errors may print it. */
export const printable = ({ withoutSecret = String }: Kind<unknown>, texts: readonly string[]): string =>
  texts.map((text) => withoutSecret(text)).join(",");

/** A name of a setting in a variable or the configuration file, and whether it negates the value. */
export type Spelling = { readonly name: string; readonly isNegated: boolean };

/** Returns the names of a setting: its own first, then that of its flag, such as `no_api` for `api` and `allowed_host` for `allowed_hosts`. */
export const spellingsOf = (
  setting: Pick<Setting<unknown>, "name" | "flag" | "offDoc">,
): readonly [Spelling, ...Spelling[]] => {
  const flag = flagOf(setting).replaceAll("-", "_");
  return [
    { name: setting.name, isNegated: false },
    ...(flag === setting.name ? [] : [{ name: flag, isNegated: false }]),
    ...(setting.offDoc === undefined ? [] : [{ name: `no_${flag}`, isNegated: true }]),
  ];
};

/** Converts texts given under a spelling to texts of the setting. Returns invalid texts unchanged. */
export const textsOf = (
  texts: readonly string[],
  { kind }: Pick<Setting<unknown>, "kind">,
  { isNegated }: Spelling,
): readonly string[] => {
  const value = isNegated ? kind.parse(texts) : null;
  return value === null ? texts : [String(!value)];
};
