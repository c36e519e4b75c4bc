import { isAbsolute } from "node:path";

/** Where a repository is. */
export type Location = {
  /** What git is given. It contains no password. */
  readonly url: string;
  readonly transport: "ssh" | "https" | "file";
};

/** Completes "expected …". */
export const LOCATION_FORM =
  "git@HOST:PATH, ssh://HOST/PATH, https://HOST/PATH, file:///PATH or an absolute path, without a password";

const FORM = `expected ${LOCATION_FORM}`;

/** Parses the URL of a repository. Returns a problem, to complete a sentence, if it has another form or contains a password. */
export const parseLocation = (text: string): Location | { readonly problem: string } => {
  if (/[\x00-\x20\x7f]/.test(text)) return { problem: FORM };
  if (isAbsolute(text)) return { url: `file://${text}`, transport: "file" };
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === "") return parseScp(text);
  const url = URL.parse(text);
  const transport = TRANSPORTS[scheme.toLowerCase()];
  if (url === null || transport === undefined) return { problem: FORM };
  if (url.password !== "" || (transport === "https" && url.username !== ""))
    return { problem: "contains a user or a password; expected a URL without them, and `token` or `key` beside it" };
  if (transport === "file" ? url.host !== "" : url.host === "" || url.hostname.startsWith("-"))
    return { problem: FORM };
  if (url.username.startsWith("-") || url.search !== "" || url.hash !== "" || url.pathname.length < 2)
    return { problem: FORM };
  // git knows schemes in lower case only.
  return { url: `${scheme.toLowerCase()}${text.slice(scheme.length)}`, transport };
};

const TRANSPORTS: Readonly<Record<string, Location["transport"]>> = { ssh: "ssh", https: "https", file: "file" };

/**
 * The form of scp(1). A host or a path that begins with a dash would be an option of ssh. A path with an `@` is refused, because
 * `user:password@host:path` would be one of the host `user`.
 */
const parseScp = (text: string): Location | { readonly problem: string } =>
  /^(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9[][\w.:\]-]*:[^-:@][^@]*$/.test(text) && !text.includes("::")
    ? { url: text, transport: "ssh" }
    : { problem: FORM };

/**
 * Returns true for a name of a branch or a tag, a full name such as `refs/heads/main`, and a commit id. It is stricter than
 * git-check-ref-format(1): no name is an option or an expression.
 */
export const isRefName = (text: string): boolean =>
  text.length <= 200 && /^[A-Za-z0-9_][\w./+-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(text);

/** Returns true for the first 4 to 64 digits of the id of a commit. */
export const isCommitPrefix = (text: string): boolean => /^[0-9a-f]{4,64}$/i.test(text);
