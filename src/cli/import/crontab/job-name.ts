import { createHash } from "node:crypto";

/** Programs that never say what a line is about. */
const PREPARATION = new Set(
  "cd test [ [[ : true false . source export set umask ulimit sleep command type which exit break echo printf mkdir for".split(
    " ",
  ),
);

/** Words before a command in a shell. */
const KEYWORDS = new Set(["!", "if", "then", "else", "elif", "while", "do", "fi", "done"]);

/** A program that runs the program in its arguments: how many arguments of its own it has, and which options take a value. */
type Wrapper = { readonly own: number; readonly valued: string };

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  sudo: { own: 0, valued: "ug" },
  doas: { own: 0, valued: "u" },
  runuser: { own: 0, valued: "ug" },
  nice: { own: 0, valued: "n" },
  ionice: { own: 0, valued: "cn" },
  chrt: { own: 1, valued: "" },
  taskset: { own: 1, valued: "" },
  nohup: { own: 0, valued: "" },
  setsid: { own: 0, valued: "" },
  env: { own: 0, valued: "uC" },
  time: { own: 0, valued: "of" },
  timeout: { own: 1, valued: "ks" },
  flock: { own: 1, valued: "wE" },
  stdbuf: { own: 0, valued: "ioe" },
  chronic: { own: 0, valued: "" },
  cronic: { own: 0, valued: "" },
  eatmydata: { own: 0, valued: "" },
  exec: { own: 0, valued: "a" },
  "systemd-cat": { own: 0, valued: "tp" },
};

/** Programs that run the file in their arguments, or the text after an option such as `-c`. */
const INTERPRETERS = /^(?:ba|da|z|k|c|fi)?sh$|^(?:python|perl|php|ruby|node|nodejs|java|Rscript|lua|deno|bun)[\d.]*$/;
const INLINE = /^-[a-z]*[cer]$/;

const SCRIPT_SUFFIX = /\.(?:sh|bash|zsh|py|pl|php|rb|js|mjs|ts|jar|R|lua|cgi)$/;

/** Names of scripts that say nothing without the name of their folder. */
const GENERIC = /^(?:cron|run|main|index|script|job|task|start|app|console|update|cleanup|backup)$/;
const GENERIC_FOLDER = /^(?:|~|\.+|s?bin|scripts?|cron|opt|root|home|srv|var|usr|etc|local)$/;

const MAX_LENGTH = 48;

/** Returns an id for a job that runs `command`, such as `run-parts-cron.daily` or `nextcloud-cron`. */
export const jobIdOf = (command: string): string => {
  const [program = "", ...args] = mainWords(command);
  const words = INTERPRETERS.test(baseName(program)) ? interpretedWords(program, args) : [program, ...args];
  return slug(nameParts(words)) || "job";
};

/** Returns an id for a line of several whose ids are equal. It depends on the line alone, so other lines can come and go. */
export const idWithDigest = (id: string, line: string): string => {
  const digest = createHash("sha256")
    .update(line.trim().replace(/[ \t]+/g, " "))
    .digest("hex");
  return `${id}-${digest.slice(0, 6)}`;
};

/** Returns an id that is not in `taken`, and adds it. */
export const uniqueId = (id: string, taken: Set<string>): string => {
  let unique = id;
  for (let count = 2; taken.has(unique); count++) unique = `${id}-${count}`;
  taken.add(unique);
  return unique;
};

/** Returns the words of the first command of a line that does something, without the wrappers around it. */
const mainWords = (command: string): readonly string[] => {
  const commands = splitCommands(command)
    .map(unwrap)
    .filter((words) => words.length > 0);
  const acting = commands.filter(([program = ""]) => !PREPARATION.has(program));
  return (
    acting.find((words) => !isInline(words)) ??
    acting[0] ??
    commands.find(([program]) => program === "echo") ??
    commands[0] ??
    []
  );
};

const isInline = ([program = "", first = ""]: readonly string[]): boolean =>
  INTERPRETERS.test(baseName(program)) && INLINE.test(first);

/** The words, separators and redirections of a shell's line. Quotes and backslashes belong to words. */
const TOKEN = /\d*(?:>>?|<)&?\s*[^\s;&|()]+|[;&|(){}\n]+|(?:[^\s;&|()"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'\\])+/gs;

/** Splits a line into its simple commands and these into words. Quotes, redirections and substitutions are left out. */
const splitCommands = (command: string): readonly (readonly string[])[] => {
  const commands: string[][] = [[]];
  for (const [token] of command.replace(/\$\([^()]*\)|`[^`]*`/g, "$").matchAll(TOKEN)) {
    if (/^[;&|(){}\n]+$/.test(token)) commands.push([]);
    else if (!/^\d*[<>]/.test(token)) commands.at(-1)?.push(token.replace(/["'\\]/g, ""));
  }
  return commands;
};

/** Removes keywords, assignments, and wrappers with their options from the start of a command. */
const unwrap = (words: readonly string[]): readonly string[] => {
  const [word, ...rest] = words;
  if (word === undefined) return [];
  if (KEYWORDS.has(word) || /^[A-Za-z_]\w*=/.test(word)) return unwrap(rest);
  const name = baseName(word);
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  if (wrapper === undefined) return words;
  const wrapped = unwrap(withoutOptions(rest, wrapper).slice(wrapper.own));
  return wrapped.length > 0 ? wrapped : words;
};

const withoutOptions = (words: readonly string[], wrapper: Wrapper): readonly string[] => {
  const [word, ...rest] = words;
  if (word === undefined || !word.startsWith("-")) return words;
  const takesNext = word.length === 2 && wrapper.valued.includes(word.slice(1));
  return withoutOptions(takesNext ? rest.slice(1) : rest, wrapper);
};

/** Returns the script or module that an interpreter runs, and its arguments. */
const interpretedWords = (program: string, args: readonly string[]): readonly string[] => {
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  return at === -1 || args.slice(0, at).some((arg) => INLINE.test(arg)) ? [program] : args.slice(at);
};

/** Returns the name of the program, and up to two words that say what it does. */
const nameParts = ([program = "", ...args]: readonly string[]): readonly string[] => {
  const parts = [programName(program)];
  for (const arg of args.filter((each) => !each.startsWith("-"))) {
    const isWord = /^[A-Za-z][\w:.-]*$/.test(arg);
    const part = isWord ? arg : partOfPath(arg);
    if (part === "" || (!isWord && parts.length > 1)) break;
    parts.push(part);
    if (!isWord || parts.length === 3) break;
  }
  return parts;
};

const programName = (path: string): string => {
  const name = baseName(path).replace(SCRIPT_SUFFIX, "");
  const folder = baseName(path.slice(0, Math.max(path.lastIndexOf("/"), 0)));
  return GENERIC.test(name) && !GENERIC_FOLDER.test(folder) ? `${folder}-${name}` : name;
};

/** Returns the last name of a path, or the host of a URL, or nothing. */
const partOfPath = (arg: string): string => {
  const host = /^https?:\/\/([^/:?#]+)/.exec(arg)?.[1];
  if (host !== undefined) return host;
  return /^[~.]?\/(?!dev\/)[\w./-]+$/.test(arg) ? baseName(arg.replace(/\/+$/, "")) : "";
};

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const slug = (parts: readonly string[]): string =>
  parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9_.]+/g, "-")
    .slice(0, MAX_LENGTH)
    .replace(/^[^a-z0-9]+|[-_.]+$/g, "");
