import { posix } from "node:path";
import { whyNoBackupTime } from "../../domain/backup/time.ts";
import { isName } from "../../domain/ids.ts";
import { TASK_TYPES } from "../../domain/job.ts";
import { isTimezone } from "../../domain/schedule/local-time.ts";
import { LABEL_PATTERN, WORKER_NAME_PATTERN } from "../../domain/workers/labels.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../../lib/duration.ts";
import { formatSize, parseSize, SIZE_FORM } from "../../lib/size.ts";
import { isRefName, LOCATION_FORM, type Location, parseLocation } from "../git/location.ts";
import type { Kind } from "./setting.ts";

/** The types of tasks that have a process. */
const REMOTE_TYPES = TASK_TYPES.filter((type) => type !== "approval" && type !== "job");

/** A setting with one value; the last one counts. */
const one = <T>(kind: {
  readonly placeholder: string;
  readonly expected: string;
  readonly parse: (text: string) => T | null;
  readonly format?: (value: NonNullable<T>) => string;
  readonly withoutSecret?: (text: string) => string;
}): Kind<T> => ({
  arity: "one",
  placeholder: kind.placeholder,
  expected: kind.expected,
  parse: (texts) => {
    const last = texts.at(-1);
    return last === undefined ? null : kind.parse(last);
  },
  format: kind.format ?? String,
  ...(kind.withoutSecret !== undefined && { withoutSecret: kind.withoutSecret }),
});

/** Widens a kind's type to include null, for settings without a default value. */
export const optional = <T>(kind: Kind<T>): Kind<T | null> => kind as Kind<T | null>;

export const text = (placeholder: string, expected: string): Kind<string> =>
  one({ placeholder, expected, parse: (given) => (given === "" || given.includes("\0") ? null : given) });

const matching = ({
  accepts,
  ...kind
}: {
  readonly placeholder: string;
  readonly expected: string;
  readonly accepts: (text: string) => boolean;
  readonly withoutSecret?: (text: string) => string;
}): Kind<string> => one({ ...kind, parse: (given) => (accepts(given) ? given : null) });

/** Names that no user can have match nobody, and are mistakes such as a list in one text. */
export const userName = matching({
  placeholder: "USER",
  expected: "a user name or a numeric id",
  accepts: (given) => /^[^\s:/,*{}-][^\s:/,*{}\0]{0,255}$/.test(given),
});

export const whole = (min: number, max: number): Kind<number> =>
  one({
    placeholder: "N",
    expected: `a whole number from ${min} to ${max}`,
    parse: (given) => (/^\d{1,15}$/.test(given) ? within(Number(given), min, max) : null),
  });

/** Returns a URL, which need not be valid, without all that may be a secret in it: what is before its last `@`, and its query. */
const withoutSecret = (given: string): string => {
  const [scheme = ""] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given) ?? [];
  const rest = given.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  return `${scheme}${at === -1 ? rest : `…${rest.slice(at)}`}`.replace(/([?#])[\s\S]*$/, "$1…");
};

/** The URL of a git repository. */
export const repository: Kind<Location> = one({
  placeholder: "URL",
  expected: LOCATION_FORM,
  parse: (given) => {
    const location = parseLocation(given);
    return "problem" in location ? null : location;
  },
  format: ({ url: shown }) => shown,
  withoutSecret,
});

export const gitRef: Kind<string> = matching({
  placeholder: "REF",
  expected: "the name of a branch or a tag",
  accepts: isRefName,
});

/** A path within a repository. */
export const gitPath: Kind<string> = one({
  placeholder: "PATH",
  expected: "a path within the repository, such as jobs",
  parse: (given) => {
    const path = posix.normalize(given).replace(/\/$/, "");
    return given === "" || given.includes("\0") || path.startsWith("/") || /^\.\.(?:\/|$)/.test(path) ? null : path;
  },
});

/** A number, or one of some words. */
export const wholeOr = <const Word extends string>(
  words: readonly Word[],
  min: number,
  max: number,
): Kind<number | Word> => {
  const number = whole(min, max);
  return one({
    placeholder: `N|${words.join("|")}`,
    expected: `${number.expected}, ${words.join(" or ")}`,
    parse: (given) => words.find((word) => word === given) ?? number.parse([given]),
  });
};

const within = (value: number, min: number, max: number): number | null =>
  value >= min && value <= max ? value : null;

export const backupTime: Kind<string> = matching({
  placeholder: "CRON",
  expected: 'a cron expression such as "30 3 * * *"',
  accepts: (given) => whyNoBackupTime(given) === null,
});

/** A duration; the value is in ms. */
export const duration: Kind<number> = one({
  placeholder: "DURATION",
  expected: DURATION_FORM,
  parse: parseDuration,
  format: formatDuration,
});

/** A duration of at least `minMs`; the value is in ms. */
export const durationFrom = (minMs: number): Kind<number> =>
  one({
    placeholder: "DURATION",
    expected: `${DURATION_FORM}, at least ${formatDuration(minMs)}`,
    parse: (given) => within(parseDuration(given) ?? -1, minMs, Number.MAX_SAFE_INTEGER),
    format: formatDuration,
  });

/** A size; the value is in bytes. */
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

const LABEL = new RegExp(LABEL_PATTERN);
const WORKER_NAME = new RegExp(WORKER_NAME_PATTERN);

export const label: Kind<string> = matching({
  placeholder: "LABEL",
  expected: "1 to 63 letters, digits and . _ = / -, the first one a letter or a digit",
  accepts: (given) => LABEL.test(given),
});

export const workerName: Kind<string> = matching({
  placeholder: "NAME",
  expected: "1 to 63 letters, digits, '_' and '-', the first one a letter or a digit",
  accepts: (given) => WORKER_NAME.test(given),
});

/** Several types can be given at once, separated by commas. */
export const taskType: Kind<string> = matching({
  placeholder: "TYPE",
  expected: `one or more of ${REMOTE_TYPES.join(", ")}`,
  accepts: (given) => given.split(",").every((each) => REMOTE_TYPES.some((type) => type === each)),
});

export const many = (kind: Kind<string>): Kind<readonly string[]> => ({
  arity: "many",
  placeholder: kind.placeholder,
  expected: kind.expected,
  parse: (texts) => (texts.every((given) => kind.parse([given]) !== null) ? texts : null),
  ...(kind.withoutSecret !== undefined && { withoutSecret: kind.withoutSecret }),
  format: (values) => values.join(","),
});

/** Names with whole numbers, such as `database=2`; the last one of a name counts. */
export const numbers = (min: number, max: number): Kind<ReadonlyMap<string, number>> => {
  const number = whole(min, max);
  const form = `with a name of letters, digits, '_', '.' and '-', and N from ${min} to ${max}`;
  return {
    arity: "map",
    placeholder: "NAME=N",
    expected: `NAME=N, ${form}`,
    expectedInFile: `NAME: N, ${form}`,
    parse: (texts) => {
      const entries = texts.map((given): readonly [string, number | null] => {
        const at = given.indexOf("=");
        return [given.slice(0, Math.max(0, at)), number.parse([given.slice(at + 1)])];
      });
      const valid = entries.flatMap(([name, value]) =>
        isName(name) && value !== null ? [[name, value] as const] : [],
      );
      return valid.length < entries.length ? null : new Map(valid);
    },
    format: (values) => entriesOf(values).join(","),
  };
};

/** Returns the entries of a map as `NAME=N`, by name. */
export const entriesOf = (values: ReadonlyMap<string, number>): readonly string[] =>
  [...values].map(([name, value]) => `${name}=${value}`).sort();

const isUrl = (given: string): boolean => URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);

/** Rejects `*`: browsers never send it as an origin, so it would allow nothing. */
const isOrigin = (given: string): boolean => isUrl(given) && new URL(given).origin === given && !given.includes("*");

const isHost = (given: string): boolean =>
  /^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+|[A-Za-z0-9_.-]+)$/.test(given);

export const url: Kind<string> = matching({
  placeholder: "URL",
  expected: "a URL such as http://127.0.0.1:8565",
  accepts: isUrl,
  withoutSecret,
});
/** Everything after its path would break the links that are made of it. */
const isBaseUrl = (given: string): boolean => {
  if (!isUrl(given)) return false;
  const { search, hash, username, password } = new URL(given);
  return search + hash + username + password === "" && !/[?#\s]/.test(given);
};

/** A URL without a path; the user may be a token. */
const isNatsUrl = (given: string): boolean => {
  if (!URL.canParse(given)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(given);
  return /^(nats|tls):$/.test(protocol) && hostname !== "" && /^\/?$/.test(pathname) && search + hash === "";
};

export const natsUrl: Kind<string> = matching({
  placeholder: "URL",
  expected: "a URL such as nats://127.0.0.1:4222, or with TLS tls://nats.example.com:4222",
  accepts: isNatsUrl,
  withoutSecret,
});
export const publicUrl: Kind<string> = matching({
  placeholder: "URL",
  expected: "a URL such as https://petit.example.com, without a query, a user or a password",
  accepts: isBaseUrl,
  withoutSecret,
});
export const otlpUrl: Kind<string> = matching({
  placeholder: "URL",
  expected: "a URL such as http://127.0.0.1:4318, without a query, a user or a password",
  accepts: isBaseUrl,
  withoutSecret,
});
export const host: Kind<string> = matching({
  placeholder: "HOST",
  expected: "a host name or an IP address",
  accepts: isHost,
});
export const origin: Kind<string> = matching({
  placeholder: "ORIGIN",
  expected: "an origin such as https://example.org, without a path (and not *)",
  accepts: isOrigin,
});
export const timezone: Kind<string> = matching({
  placeholder: "ZONE",
  expected: "an IANA time zone such as Europe/Paris",
  accepts: isTimezone,
});
