import { ExactNumber, isJsonMap, type Json } from "../lib/json.ts";

/**
 * Returns whether the value of a key is probably a secret that must not be shown. `within` is the path of its map, such as
 * `.tasks.environment`.
 */
export const isPossibleSecret = (within: string, key: string): boolean =>
  within === ".notify.headers" || NAME.test(key) || isKeyOf(within, key);

/** Returns whether a variable or a header usually holds a secret, although other values with such a name do not. */
const isKeyOf = (within: string, key: string): boolean =>
  /\.(environment|headers)$/.test(within) && /key$|^(set-)?cookie$/i.test(key);

/** Returns whether a key holds the name of a secret, as in `{credential: NAME}`, which is not the secret itself. */
export const isSecretSource = (within: string, key: string): boolean =>
  (key === "env" || key === "file" || key === "credential") && /^\.notify\.|\.environment\.|\.headers\./.test(within);

/** Matches key names that usually hold secrets. */
const NAME =
  /passw|passphrase|pass(?:$|[_.-])|pwd|secret|token|credential|(?:^|[_.-])auth(?:$|[_.-])|authorization|(?:api|private|access|signing|encryption)[_.-]?key/i;

/** Matches a value that is only a template; it reveals no secret. */
export const TEMPLATE = /^["']?\s*\$\{\{[^{}]*\}\}\s*["']?$/;

/** Stands for a secret. */
export const MASK = "…";

/** Masks passwords and tokens in the URLs of a text. */
export const maskUrls = (text: string): string =>
  text.replaceAll(PASSWORD, `$1${MASK}@`).replaceAll(QUERY_SECRET, `$1${MASK}`);

/** Matches the user information of a URL. */
const PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,500}@/gi;

/** Matches the value of a query parameter that is probably a secret and is no variable. */
const QUERY_SECRET =
  /([?&][\w.-]{0,40}(?:token|secret|passw|api[_-]?key|access[_-]?key|signature)[\w.-]{0,40}=)[^&\s"'#${]{1,2000}/gi;

/** Returns a value of a job file without possible secrets, which become texts. `within` is its path. */
export const maskSecrets = <Value>(value: Value, within: string): Value => masked(value as Json, within) as Value;

const masked = (value: Json, within: string): Json => {
  if (typeof value === "string") return maskUrls(value);
  if (Array.isArray(value)) return value.map((each: Json) => masked(each, within));
  if (!isJsonMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (isSecretSource(within, key)) return [key, each];
      const isScalar = each !== null && (typeof each !== "object" || each instanceof ExactNumber);
      const isHidden = isScalar && isPossibleSecret(within, key) && !TEMPLATE.test(String(each));
      return [key, isHidden ? MASK : masked(each, `${within}.${key}`)];
    }),
  );
};
