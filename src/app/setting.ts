import { DURATION_FORM, formatDuration, parseDuration } from "../lib/duration.ts";
import { formatSize, parseSize, SIZE_FORM } from "../lib/size.ts";

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

export const variableOf = (setting: Pick<Setting<unknown>, "name">): string => `PETIT_${setting.name.toUpperCase()}`;

/** The last one given counts, as with most programs. */
const one = <T>(kind: {
  readonly placeholder: string;
  readonly expected: string;
  readonly parse: (text: string) => T | null;
  readonly format?: (value: NonNullable<T>) => string;
}): Kind<T> => ({
  arity: "one",
  placeholder: kind.placeholder,
  expected: kind.expected,
  parse: (texts) => {
    const last = texts.at(-1);
    return last === undefined ? null : kind.parse(last);
  },
  format: kind.format ?? String,
});

/** Gives a kind whose default is "nothing" the type that says so. */
export const optional = <T>(kind: Kind<T>): Kind<T | null> => kind as Kind<T | null>;

export const text = (placeholder: string, expected: string): Kind<string> =>
  one({ placeholder, expected, parse: (given) => (given === "" || given.includes("\0") ? null : given) });

export const matching = (options: {
  readonly placeholder: string;
  readonly expected: string;
  readonly accepts: (text: string) => boolean;
}): Kind<string> => one({ ...options, parse: (given) => (options.accepts(given) ? given : null) });

export const whole = (min: number, max: number): Kind<number> =>
  one({
    placeholder: "N",
    expected: `a whole number from ${min} to ${max}`,
    parse: (given) => (/^\d{1,15}$/.test(given) ? within(Number(given), min, max) : null),
  });

const within = (value: number, min: number, max: number): number | null =>
  value >= min && value <= max ? value : null;

/** In ms. */
export const duration: Kind<number> = one({
  placeholder: "DURATION",
  expected: DURATION_FORM,
  parse: parseDuration,
  format: formatDuration,
});

/** In bytes. */
export const size = (min: number): Kind<number> =>
  one({
    placeholder: "SIZE",
    expected: `${SIZE_FORM}, at least ${formatSize(min)}`,
    parse: (given) => within(parseSize(given) ?? -1, min, Number.MAX_SAFE_INTEGER),
    format: formatSize,
  });

export const choice = <const T extends string>(options: readonly T[]): Kind<T> =>
  one({
    placeholder: options.join("|"),
    expected: options.join(", ").replace(/, ([^,]*)$/, " or $1"),
    parse: (given) => options.find((option) => option === given) ?? null,
  });

const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false],
]);

export const onOff: Kind<boolean> = {
  ...one({
    placeholder: "",
    expected: "true or false",
    parse: (given) => SWITCH_WORDS.get(given.toLowerCase()) ?? null,
  }),
  arity: "switch",
};

export const many = (kind: Kind<string>): Kind<readonly string[]> => ({
  arity: "many",
  placeholder: kind.placeholder,
  expected: kind.expected,
  parse: (texts) => (texts.every((given) => kind.parse([given]) !== null) ? texts : null),
  format: (values) => values.join(","),
});
