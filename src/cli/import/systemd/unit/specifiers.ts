import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { homeOf } from "../../crontab/owner.ts";

/** What the specifiers of a unit depend on. */
export type SpecifierContext = {
  /** The full name, such as `backup@web.service`. */
  readonly unit: string;
  /** The file of the unit. */
  readonly file: string;
  /** The user that the unit's manager runs as: root, or that of `systemctl --user`. */
  readonly owner: string;
  readonly isUser: boolean;
};

/** A text with its specifiers expanded, and those that are only right on this machine or not known. */
type Expanded = { readonly text: string; readonly ofMachine: readonly string[]; readonly unknown: readonly string[] };

/** Expands the specifiers of systemd.unit(5), such as `%i` and `%h`. Unknown ones stay as they are. */
export const expandSpecifiers = (text: string, context: SpecifierContext): Expanded => {
  const ofMachine = new Set<string>();
  const unknown = new Set<string>();
  const expanded = text.replace(/%(.)/gs, (specifier, letter: string) => {
    if (letter === "%") return "%";
    const value = (Object.hasOwn(SPECIFIERS, letter) ? SPECIFIERS[letter] : undefined)?.(context) ?? null;
    if (value === null) unknown.add(specifier);
    else if (MACHINE.includes(letter)) ofMachine.add(specifier);
    return value ?? specifier;
  });
  return { text: expanded, ofMachine: [...ofMachine], unknown: [...unknown] };
};

/** Specifiers whose values another machine, or this one later, may not have. */
const MACHINE = "HlqmvowWBM";

type Specifier = (context: SpecifierContext) => string | null;

/** The parts of a unit's name. */
export const nameParts = (
  unit: string,
): { readonly prefix: string; readonly instance: string; readonly bare: string } => {
  const bare = unit.replace(/\.[a-z]+$/, "");
  const at = bare.indexOf("@");
  return at === -1
    ? { prefix: bare, instance: "", bare }
    : { prefix: bare.slice(0, at), instance: bare.slice(at + 1), bare };
};

/** Undoes the escaping of `systemd-escape`: `-` is `/`, and `\x2d` a character. */
const unescapeName = (name: string): string =>
  name
    .replaceAll("-", "/")
    .replace(/(?:\\x[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll("\\x", ""), "hex").toString("utf8"));

const lastPart = (text: string): string => text.slice(text.lastIndexOf("-") + 1);

const folder =
  (system: string, user: (home: string) => string): Specifier =>
  ({ isUser, owner }) =>
    isUser ? user(homeOf(owner) ?? `/home/${owner}`) : system;

const osRelease =
  (name: string): Specifier =>
  () => {
    const line = readText("/etc/os-release")
      ?.split("\n")
      .find((each) => each.startsWith(`${name}=`));
    return line === undefined ? "" : line.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
  };

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

const SPECIFIERS: Readonly<Record<string, Specifier>> = {
  n: ({ unit }) => unit,
  N: ({ unit }) => nameParts(unit).bare,
  p: ({ unit }) => nameParts(unit).prefix,
  P: ({ unit }) => unescapeName(nameParts(unit).prefix),
  i: ({ unit }) => nameParts(unit).instance,
  I: ({ unit }) => unescapeName(nameParts(unit).instance),
  j: ({ unit }) => lastPart(nameParts(unit).prefix),
  J: ({ unit }) => unescapeName(lastPart(nameParts(unit).prefix)),
  f: ({ unit }) => {
    const { instance, prefix } = nameParts(unit);
    const path = unescapeName(instance === "" ? prefix : instance);
    return path.startsWith("/") ? path : `/${path}`;
  },
  y: ({ file }) => file,
  Y: ({ file }) => file.slice(0, file.lastIndexOf("/")),
  u: ({ owner }) => owner,
  U: ({ isUser }) => (isUser ? String(process.getuid?.() ?? "") || null : "0"),
  g: ({ isUser }) => (isUser ? null : "root"),
  G: ({ isUser }) => (isUser ? String(process.getgid?.() ?? "") || null : "0"),
  h: ({ owner }) => homeOf(owner) ?? (owner === "root" ? "/root" : null),
  s: ({ isUser }) => (isUser ? null : "/bin/sh"),
  t: ({ isUser }) => (isUser ? `/run/user/${process.getuid?.() ?? ""}` : "/run"),
  S: folder("/var/lib", (home) => `${home}/.local/state`),
  C: folder("/var/cache", (home) => `${home}/.cache`),
  L: folder("/var/log", (home) => `${home}/.local/state/log`),
  E: folder("/etc", (home) => `${home}/.config`),
  D: folder("/usr/share", (home) => `${home}/.local/share`),
  T: () => "/tmp",
  V: () => "/var/tmp",
  H: () => hostname(),
  l: () => hostname().replace(/\..*$/, ""),
  q: () => hostname(),
  m: () => readText("/etc/machine-id")?.trim() ?? null,
  v: () => release(),
  o: osRelease("ID"),
  w: osRelease("VERSION_ID"),
  W: osRelease("VARIANT_ID"),
  B: osRelease("BUILD_ID"),
  M: osRelease("IMAGE_ID"),
};
