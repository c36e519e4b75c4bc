/** A setting, declared once: its flag, its variable, its key in the configuration file and its help come from here. */
export type Setting<T> = {
  /** Key in the configuration file, such as `api_port`; the variable is `PETIT_API_PORT`. */
  readonly name: string;
  /** The flag without its dashes, where it isn't the name's. */
  readonly flag?: string;
  /** One letter that stands for the flag. */
  readonly short?: string;
  readonly kind: Kind<T>;
  readonly default: NoInfer<T>;
  /** What the default is called where no value says it. */
  readonly defaultText?: string;
  /** A sentence, for the help. */
  readonly doc: string;
  /** Of a switch that is on by default: what turning it off does. */
  readonly offDoc?: string;
};

/** What a value looks like. */
export type Kind<T> = {
  /** `switch` takes no value as a flag, `many` may be given several times (in a variable: separated by commas). */
  readonly arity: "one" | "many" | "switch";
  /** Stands for the value in the help; empty for a switch. */
  readonly placeholder: string;
  /** Completes "expected …". */
  readonly expected: string;
  /** Null where the texts don't fit. */
  readonly parse: (texts: readonly string[]) => T | null;
  /** As a method, so that a kind of something is also a kind of anything. */
  format(value: NonNullable<T>): string;
};

export const flagOf = (setting: Pick<Setting<unknown>, "name" | "flag">): string =>
  setting.flag ?? setting.name.replaceAll("_", "-");

export const variableOf = ({ name }: { readonly name: string }): string => `PETIT_${name.toUpperCase()}`;

/** What a setting may be called in a variable or the configuration file, and whether that turns it round. */
export type Spelling = { readonly name: string; readonly isNegated: boolean };

/** Its own name first, then as the help writes its flag: `no_api` for `api`, `allowed_host` for `allowed_hosts`. */
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

/** The texts of the setting itself, where they were given under that spelling; as they are where they don't fit. */
export const textsOf = (
  texts: readonly string[],
  { kind }: Pick<Setting<unknown>, "kind">,
  { isNegated }: Spelling,
): readonly string[] => {
  const value = isNegated ? kind.parse(texts) : null;
  return value === null ? texts : [String(!value)];
};
