import { maskedUrl } from "../domain/notification.ts";
import { ExactNumber, isJsonMap, type Json } from "../lib/json.ts";

/**
 * Returns whether the value of a key is probably a secret that must not be shown. `within` is the path of its map, such as
 * `.tasks.environment`.
 */
export const isPossibleSecret = (within: string, key: string): boolean =>
  within === ".notify.headers" ||
  (within === ".notify" && key === "url") ||
  isSecretName(key) ||
  isKeyOf(within, key) ||
  isValueOfSecretParam(within, key);

/** Returns whether a name suggests that its value is a secret. */
export const isSecretName = (name: string): boolean => NAME.test(name);

/** Returns whether a variable or a header usually holds a secret, although other values with such a name do not. */
const isKeyOf = (within: string, key: string): boolean =>
  /\.(environment|headers)$/.test(within) && /key$|^(set-)?cookie$/i.test(key);

/** Returns whether a key of a param's declaration holds values of the param, and its name suggests a secret. */
const isValueOfSecretParam = (within: string, key: string): boolean => {
  const param = /^\.params\.(.+)$/.exec(within)?.[1];
  return param !== undefined && (key === "default" || key === "enum") && isSecretName(param);
};

/** Returns whether a key holds the name of a secret, as in `{credential: NAME}`, which is not the secret itself. */
export const isSecretSource = (within: string, key: string): boolean =>
  (key === "env" || key === "file" || key === "credential") && /^\.notify\.|\.environment\.|\.headers\./.test(within);

/** Matches a part of key names that usually hold secrets. */
const WORD = `(?:passw|passphrase|pass(?![a-z0-9])|pwd|secret|token|credential|(?<![a-z0-9])auth(?![a-z0-9])|authorization|(?:api|private|access|signing|encryption)[_.-]?key)`;

const NAME = new RegExp(WORD, "i");

/** Matches a value that is only a template; it reveals no secret. */
export const TEMPLATE = /^["']?\s*\$\{\{[^{}]*\}\}\s*["']?$/;

/** Stands for a secret. */
export const MASK = "…";

/**
 * Masks what is probably a secret in a text such as a script: passwords and tokens in URLs, values of options, variables and
 * headers whose name suggests a secret, private keys, and tokens whose form is known. Values that are variables stay.
 */
export const maskText = (text: string): string =>
  MAY_HAVE_SECRET.test(text) ? RULES.reduce((masking, rule) => rule(masking), text) : text;

/** Matches the texts that a rule may change. Most texts have no such character, and cost only this search. */
const MAY_HAVE_SECRET = /[@=:]|\bbearer\b|[-_]|-----BEGIN|AKIA|AIza/i;

type Rule = (text: string) => string;

/** A secret value: quoted, or up to the next blank or sign of a shell. */
const VALUE = String.raw`"[^"\n]{0,2000}"|'[^'\n]{0,2000}'|[^\s"'\x60;&|<>(){}\[\],#=:][^\s"'\x60;&|<>(){},]{0,2000}`;

/** Matches the values of options that name where a secret is, or that take none. */
const NO_SECRET =
  /(?:file|path|dir|stdin|fd|env|cmd|command|name|type|ttl|length|url|uri|id|helper|policy)$|^-{1,2}(?:no|ask|prompt)-/i;

const isVariable = (value: string): boolean =>
  /^["']?[$%`<*]|^["']?(?:true|false|null|none|yes|no)["']?$|^["']{2}$/i.test(value);

/** Hides a value, and keeps its quotes. */
const hidden = (value: string): string => {
  const [quote = ""] = /^["']/.exec(value) ?? [];
  return `${quote}${MASK}${quote}`;
};

/** Maximum length of a private key, in characters. */
const MAX_KEY = 20_000;

/** Masks private keys in PEM form. A search for the end of each is much faster than one regular expression for both. */
const maskKeys = (text: string): string => {
  let masked = "";
  let at = 0;
  for (const begin of text.matchAll(/-----BEGIN ([A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?)-----/g)) {
    if (begin.index < at) continue;
    const from = begin.index + begin[0].length;
    const end = text.slice(from, from + MAX_KEY).indexOf(`-----END ${begin[1]}-----`);
    if (end < 1) continue;
    masked += `${text.slice(at, from)}${MASK}`;
    at = from + end;
  }
  return masked + text.slice(at);
};

const RULES: readonly Rule[] = [
  (text) => maskKeys(text),
  // The user information of a URL.
  (text) => text.replaceAll(/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"']{1,500}@/gi, `$1${MASK}@`),
  // The value of a query parameter that is no variable.
  (text) =>
    text.replaceAll(
      /([?&][\w.-]{0,40}(?:token|secret|passw|pwd|api[_-]?key|access[_-]?key|signature|credential)[\w.-]{0,40}=)[^&\s"'#${]{1,2000}/gi,
      `$1${MASK}`,
    ),
  // URLs that are secrets themselves: those of incoming webhooks, and of Telegram's bots.
  (text) =>
    text.replaceAll(
      /(\bhooks\.slack\.com\/[a-z]+\/|\bdiscord(?:app)?\.com\/api\/webhooks\/|\bapi\.telegram\.org\/bot)[^\s"'$]{1,500}/gi,
      `$1${MASK}`,
    ),
  (text) =>
    text.replaceAll(
      /(\bauthorization["']?[ \t]*[:=][ \t]*["']?)([^"'\n]{1,2000})/gi,
      (all, name: string, value: string) => (/[$…]|^[{[]/.test(value) ? all : `${name}${MASK}`),
    ),
  (text) =>
    text.replaceAll(/(\bbearer[ \t]+)([\w.~+/=-]{4,2000})/gi, (all, name: string, value: string) =>
      /^(?:tokens?|auth|authentication|authorization)$/i.test(value) ? all : `${name}${MASK}`,
    ),
  // Options of programs, such as `--password=hunter2` and `--api-key 'abc'`.
  (text) =>
    text.replaceAll(
      new RegExp(String.raw`(?<![\w-])(--?[a-z][\w.-]{1,60})(=|[ \t]+)(${VALUE})`, "gi"),
      (all, option: string, between: string, value: string) =>
        isSecretOption(option) && !isVariable(value) && !(between !== "=" && value.startsWith("-"))
          ? `${option}${between}${hidden(value)}`
          : all,
    ),
  // `curl -u user:password`
  (text) =>
    text.replaceAll(
      /((?<![\w-])(?:-u|--user|--proxy-user)(?:[ \t]+|=)["']?[^\s:"'$]{1,100}:)[^\s"'$]{1,500}/g,
      `$1${MASK}`,
    ),
  // `mysql -phunter2` and `sshpass -p hunter2`
  (text) =>
    text.replaceAll(
      /(\b(?:mysql\w*|mariadb[\w-]*)\b[^\n;|&]{0,300}?[ \t]-p|\bsshpass[ \t]+-p[ \t]*)(["']?)[^\s"'$]{1,500}\2/g,
      `$1$2${MASK}$2`,
    ),
  // `PASSWORD=hunter2`, `"password": "hunter2"`, and the line `password: hunter2`.
  (text) =>
    text.replaceAll(
      new RegExp(
        String.raw`(?<![\w$.-])(["']?)((?=[a-z_])[\w.-]{0,60}?${WORD}[\w.-]{0,60})\1([ \t]*)(:|=)([ \t]*)(${VALUE})(?=([^\n]?))`,
        "gi",
      ),
      (all, quote: string, name: string, before: string, sign: string, after: string, value: string, next: string) => {
        const isSpaced = before !== "" || (sign === "=" && after !== "");
        const isCode = value === name || next === "(" || /^[a-z_][\w.]*\[/i.test(value);
        if (!/^["']/.test(value) && (isSpaced || isCode || (sign === ":" && next !== ""))) return all;
        if (!isSecretName(name) || NO_SECRET.test(name) || name === "credential" || isVariable(value)) return all;
        return `${quote}${name}${quote}${before}${sign}${after}${hidden(value)}`;
      },
    ),
  // A header in quotes, such as `-H 'X-Api-Key: abc'`.
  (text) =>
    text.replaceAll(
      new RegExp(String.raw`(["'])([\w-]{0,60}?(?:${WORD}|cookie)[\w-]{0,60}:[ \t]*)[^"'\n$]{1,2000}\1`, "gi"),
      `$1$2${MASK}$1`,
    ),
  (text) =>
    text.replaceAll(
      /\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{15,255}|xox[abeprs]-[\w-]{10,255}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,60}|s[kr]_(?:live|test)_\w{10,255}|sk-[\w-]{20,255}|eyJ[\w-]{10,2000}\.[\w-]{10,2000}\.[\w-]{0,2000})/g,
      MASK,
    ),
];

const isSecretOption = (option: string): boolean => isSecretName(option) && !NO_SECRET.test(option);

/** Returns whether a program with these arguments reads a secret from its stdin. */
export const readsSecretFromStdin = (args: readonly unknown[]): boolean =>
  args.some((arg) => typeof arg === "string" && isSecretName(arg) && /stdin$/i.test(arg));

/** Returns arguments without possible secrets, also where an option and its value are two arguments. */
export const maskArgs = (args: readonly string[]): string[] =>
  args.map((arg, index) => {
    const option = args[index - 1] ?? "";
    const isValue = /^--?[\w.-]+$/.test(option) && !arg.startsWith("-") && !isVariable(arg);
    if (isValue && isSecretOption(option)) return MASK;
    if (isValue && /^(?:-u|--user|--proxy-user)$/.test(option)) return arg.replace(/:[^$].*$/s, `:${MASK}`);
    return maskText(arg);
  });

/** Returns a value of a job file without possible secrets, which become texts. `within` is its path. */
export const maskSecrets = <Value>(value: Value, within: string): Value => masked(value as Json, within) as Value;

const masked = (value: Json, within: string): Json => {
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) return maskedList(value, within);
  if (!isJsonMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (isSecretSource(within, key)) return [key, each];
      if (key === "stdin" && Array.isArray(value.args) && readsSecretFromStdin(value.args))
        return [key, each === null ? null : MASK];
      const path = `${within}.${key}`;
      return [key, isPossibleSecret(within, key) ? hiddenValue(each, path) : masked(each, path)];
    }),
  );
};

const maskedList = (list: readonly Json[], within: string): Json =>
  within.endsWith(".args") && list.every((each) => typeof each === "string")
    ? maskArgs(list)
    : list.map((each) => masked(each, within));

/** Hides a value whose key suggests a secret, and the values of a list. A map shows where the secret is read. */
const hiddenValue = (value: Json, path: string): Json => {
  if (Array.isArray(value)) return value.map((each) => hiddenValue(each, path));
  const isScalar = value !== null && (typeof value !== "object" || value instanceof ExactNumber);
  return isScalar && !TEMPLATE.test(String(value)) ? maskOf(path)(String(value)) : masked(value, path);
};

/** Returns what replaces the secret with this path. URLs of receivers and links still show their host. */
export const maskOf = (path: string): ((value: string) => string) =>
  path === ".notify.url" || path.startsWith(".links.") ? maskedUrl : () => MASK;
