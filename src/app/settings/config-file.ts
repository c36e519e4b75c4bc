import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import type { Heartbeat } from "../../domain/health.ts";
import type { TaskLimits } from "../../domain/limits/task-limits.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { SignInSettings } from "../../domain/people/sign-in.ts";
import type { Digest } from "../../domain/review/digest.ts";
import type { Entry, MapNode, Node, ScalarNode } from "../../jobfile/parse/node.ts";
import { parseYaml } from "../../jobfile/parse/parse.ts";
import { makePositions } from "../../jobfile/parse/positions.ts";
import { readBackup } from "../../jobfile/read/backup.ts";
import { readDefaultLimits } from "../../jobfile/read/default-limits.ts";
import { readDefaultNotify } from "../../jobfile/read/default-notify.ts";
import { type DigestDraft, readDigest } from "../../jobfile/read/digest.ts";
import { readHeartbeat } from "../../jobfile/read/heartbeat.ts";
import { type GitAccess, NO_ACCESS, readJobSource } from "../../jobfile/read/job-source.ts";
import { AUTH_KEY, readSignIn } from "../../jobfile/read/sign-in.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { suggest } from "../../lib/suggest.ts";
import type { SettingValues } from "./resolve.ts";
import { printable, type Setting, spellingsOf, textsOf } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The content of a configuration file: the values of settings, and the receivers of jobs that name none. */
type ConfigFile = NonNullable<SettingValues["file"]> & {
  readonly notify: readonly NotifyTarget[];
  /** The digest, and the folder of the file; null if there is none. */
  readonly digest: { readonly digest: Digest; readonly folder: string } | null;
  /** What petit pings, and the folder of the file; null if there is nothing. */
  readonly heartbeat: { readonly heartbeat: Heartbeat; readonly folder: string } | null;
  /** The access to the repository with the job files. */
  readonly gitAccess: GitAccess;
  /** Where people come from, besides tokens; null if the file does not say. */
  readonly signIn: SignInSettings | null;
  /** The limits of tasks whose job has none. */
  readonly taskLimits: TaskLimits;
};

type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Loads the configuration file: the one named by flag or `PETIT_CONFIG`, otherwise the user's, otherwise the machine's.
 * Returns null if there is none. Throws `invalid_request` with file, line and column of every problem.
 */
export const loadConfigFile = (options: {
  /** The value of --config. */
  readonly path: string | null;
  readonly environment: ProcessEnvironment;
}): ConfigFile | null => {
  const named = options.path ?? (options.environment.PETIT_CONFIG || null);
  const path = named ?? usualPlaces(options.environment).find((place) => existsSync(place)) ?? null;
  if (path === null) return null;
  const source = options.path === null ? "PETIT_CONFIG" : "--config";
  return { path, ...readContent(path, named === null ? path : `${path} (${source})`) };
};

/** The key of the receivers of jobs that name none. It is not a setting, since a flag could not express it. */
const NOTIFY = "notify";

/** The key of the digest. */
const DIGEST = "digest";

/** The key of the heartbeat. */
const HEARTBEAT = "heartbeat";

/** The key of the limits of tasks. */
const LIMITS = "limits";

/** The key of the backups. Its values are those of settings. */
const BACKUP = "backup";

/** The key of the source of the job files. Its values are those of settings, but for the credentials. */
const JOBS = "jobs";

/** Returns the default paths: the user's first, then the machine's. Without a home folder, only the machine's. */
const usualPlaces = (environment: ProcessEnvironment): readonly string[] => {
  const home = homeOf(environment);
  const folder = environment.XDG_CONFIG_HOME || (home === null ? null : join(home, ".config"));
  const own = folder === null ? [] : [join(folder, "petit", "config.yaml")];
  return [...own, "/etc/petit/config.yaml"];
};

/** Returns null for a user without a passwd entry, as in some containers. */
const homeOf = (environment: ProcessEnvironment): string | null => {
  try {
    return environment.HOME || homedir();
  } catch {
    return null;
  }
};

/** Reads a file; `shown` is its path with its origin, for messages. */
const readContent = (
  path: string,
  shown: string,
): Pick<ConfigFile, "values" | "notify" | "digest" | "heartbeat" | "gitAccess" | "signIn" | "taskLimits"> => {
  const text = readText(path, shown);
  const [document, second] = parseYaml(text);
  const faults = (document?.faults ?? []).map((fault) => ({
    at: fault.at,
    message: [fault.path, fault.message].filter(Boolean).join(": "),
  }));
  const root = document?.root ?? null;
  if (second !== undefined) faults.push({ at: 0, message: "several documents; expected one" });
  if (root !== null && root.kind !== "map") faults.push({ at: root.at, message: "expected a map of settings" });
  const values = new Map<string, readonly string[]>();
  let notify: readonly NotifyTarget[] = [];
  const folder = dirname(resolve(path));
  let heartbeat: Heartbeat | null = null;
  let gitAccess = NO_ACCESS;
  let signIn: SignInSettings | null = null;
  let taskLimits: TaskLimits = {};
  let draft: { readonly digest: DigestDraft; readonly at: number } | null = null;
  for (const entry of root?.kind === "map" ? root.entries : []) {
    if (entry.key === NOTIFY) {
      const defaults = readDefaultNotify(entry, { text, folder });
      if ("targets" in defaults) notify = defaults.targets;
      else
        faults.push(...defaults.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === DIGEST) {
      const found = readDigest(entry, { text, folder });
      if ("digest" in found) draft = { digest: found.digest, at: entry.keyAt };
      else faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === HEARTBEAT) {
      const found = readHeartbeat(entry, { text, folder });
      if ("heartbeat" in found) heartbeat = found.heartbeat;
      else faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === LIMITS) {
      const found = readDefaultLimits(entry, { text });
      if ("limits" in found) taskLimits = found.limits;
      else faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === JOBS) {
      const found = readJobSource(entry, { text, folder });
      if ("source" in found) {
        gitAccess = found.source.access;
        for (const [name, value] of found.source.values)
          if (values.has(name)) faults.push({ at: entry.keyAt, message: twice(`${JOBS}.git`, name) });
          else values.set(name, [value]);
      } else
        faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === BACKUP) {
      const found = readBackup(entry, { text, folder });
      if ("values" in found)
        for (const [name, value] of found.values)
          if (values.has(name)) faults.push({ at: entry.keyAt, message: twice(BACKUP, name) });
          else values.set(name, [value]);
      else faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    if (entry.key === AUTH_KEY) {
      const found = readSignIn(entry, { text, folder });
      if ("signIn" in found) signIn = found.signIn;
      else faults.push(...found.faults.map((fault) => ({ at: fault.at, message: `${fault.path}: ${fault.message}` })));
      continue;
    }
    const read = readEntry(entry);
    if ("fault" in read) faults.push({ at: read.at ?? entry.keyAt, message: read.fault });
    else if (values.has(read.name)) faults.push({ at: entry.keyAt, message: twice(entry.key, read.name) });
    else values.set(read.name, read.texts);
  }
  const targets = (draft?.digest.targets ?? notify).filter(({ type }) => type !== "healthchecks");
  if (draft !== null && targets.length === 0)
    faults.push({ at: draft.at, message: `${DIGEST}.to: missing; expected receivers, here or in ${NOTIFY}` });
  if (faults.length > 0) throw wrongFile(path, text, faults);
  const digest = draft === null ? null : { digest: { ...draft.digest, targets }, folder };
  return {
    values,
    notify,
    digest,
    heartbeat: heartbeat === null ? null : { heartbeat, folder },
    gitAccess,
    signIn,
    taskLimits,
  };
};

const readText = (path: string, shown: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `the configuration file ${shown} can't be read: ${why}`, { cause });
  }
};

const NAMES = Object.values(SETTINGS).map(({ name }) => name);
const SPELLINGS = Object.values(SETTINGS).flatMap((setting) =>
  spellingsOf(setting).map((spelling) => ({ setting, spelling })),
);

type Read =
  | { readonly name: string; readonly texts: readonly string[] }
  | { readonly fault: string; readonly at?: number };

/** Returns the texts of a value, in the form of a flag's values, or a problem. */
const readEntry = ({ key, value }: Entry): Read => {
  const found = SPELLINGS.find(({ spelling }) => spelling.name === key);
  if (found === undefined) return { fault: unknownKey(key) };
  const { setting, spelling } = found;
  if (setting.kind.arity === "map" && value.kind === "map") return readMap(key, value, setting);
  const items: readonly Node[] = value.kind === "list" && setting.kind.arity === "many" ? value.items : [value];
  const scalars = items.filter((item): item is ScalarNode => item.kind === "scalar" && item.value !== null);
  const expected = setting.kind.expectedInFile ?? setting.kind.expected;
  if (scalars.length < items.length) return { fault: `${key}: expected ${expected}` };
  const texts = scalars.map((item) => (typeof item.value === "string" ? item.value : item.source));
  return setting.kind.parse(texts) === null
    ? { fault: `${key} is '${printable(setting.kind, texts)}'; expected ${expected}` }
    : { name: setting.name, texts: textsOf(texts, setting, spelling) };
};

/** Returns the entries of a map as `NAME=VALUE`. */
const readMap = (key: string, { entries }: MapNode, { name, kind }: Setting<unknown>): Read => {
  const texts = entries.map(({ key: part, value }) => `${part}=${value.kind === "scalar" ? value.source : ""}`);
  const wrong = entries.findIndex((_, index) => kind.parse([texts[index] ?? ""]) === null);
  const entry = entries[wrong];
  if (entry === undefined) return { name, texts };
  const written = entry.value.kind === "scalar" ? `'${entry.value.source}'` : `a ${entry.value.kind}`;
  return {
    at: entry.keyAt,
    fault: `${key}.${entry.key} is ${written}; expected ${kind.expectedInFile ?? kind.expected}`,
  };
};

/** The keys that are no settings. */
const OTHER_KEYS = [NOTIFY, DIGEST, HEARTBEAT, LIMITS, BACKUP, AUTH_KEY];

const unknownKey = (key: string): string => {
  const near = suggest(key, [...OTHER_KEYS, ...SPELLINGS.map(({ spelling }) => spelling.name)]);
  return `unknown setting '${key}'; ${near === null ? `expected one of ${[...NAMES, ...OTHER_KEYS].join(", ")}` : `did you mean '${near}'?`}`;
};

const twice = (key: string, name: string): string => `${key}: ${name} is already set; expected each setting once`;

const wrongFile = (
  path: string,
  text: string,
  faults: readonly { readonly at: number; readonly message: string }[],
): PetitError => {
  const positions = makePositions(text);
  const lines = [...faults]
    .sort((a, b) => a.at - b.at)
    .map(({ at, message }) => {
      const { line, column } = positions(at);
      return `${path}:${line}:${column}: ${message}`;
    });
  return new PetitError("invalid_request", lines.join("\n       "));
};
