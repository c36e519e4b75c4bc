import { maskedUrl } from "../../domain/notification.ts";
import type { SourceFile } from "../source.ts";
import type { Node, ScalarNode } from "./node.ts";

/** The displayed text of one document of a file; `line` is its first line in the file, from 1. */
export type DocumentText = { readonly text: string; readonly line: number };

/**
 * Returns the text between two offsets without the document marker and surrounding blank lines. Masks possible secrets:
 * URLs and headers of notifications, values whose key suggests a secret, and passwords and tokens
 * in URLs.
 */
export const documentText = (root: Node, { text, positions }: SourceFile, range: Range): DocumentText => {
  const blank =
    /^(?:[ \t]*\r?\n)*(?:---[ \t]*\r?\n)?(?:[ \t]*\r?\n)*/.exec(text.slice(range.from, range.to))?.[0] ?? "";
  const from = range.from + blank.length;
  let shown = "";
  let at = from;
  for (const { node, mask } of secretsOf(root).sort((a, b) => a.node.at - b.node.at)) {
    if (node.at < at || node.end > range.to) continue;
    shown += text.slice(at, node.at) + mask + (text[node.end - 1] === "\n" ? "\n" : "");
    at = node.end;
  }
  shown += text.slice(at, range.to);
  return {
    text: `${shown.replaceAll(PASSWORD, "$1…@").replaceAll(QUERY_SECRET, "$1…").trimEnd()}\n`,
    line: positions(from).line,
  };
};

export type Range = { readonly from: number; readonly to: number };

/** Matches the user information of a URL. */
const PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,500}@/gi;

/** Matches the value of a query parameter that is probably a secret and is no variable. */
const QUERY_SECRET =
  /([?&][\w.-]{0,40}(?:token|secret|passw|api[_-]?key|access[_-]?key|signature)[\w.-]{0,40}=)[^&\s"'#${]{1,2000}/gi;

type Secret = { readonly node: ScalarNode; readonly mask: string };

const secretsOf = (root: Node): Secret[] => {
  const found: Secret[] = [];
  const hide = (node: Node, mask: (text: string) => string): void => {
    if (node.kind === "scalar" && node.value !== null && !TEMPLATE.test(node.source))
      found.push({ node, mask: JSON.stringify(mask(String(node.value))) });
  };
  const walk = (node: Node, within: string): void => {
    if (node.kind === "list") for (const item of node.items) walk(item, within);
    if (node.kind !== "map") return;
    for (const { key, value } of node.entries) {
      const path = `${within}.${key}`;
      if (isSource(key, within)) continue;
      if (path === ".notify.url") hide(value, maskedUrl);
      else if (within === ".notify.headers" || NAME.test(key) || isKeyOf(within, key)) hide(value, () => "…");
      walk(value, path);
    }
  };
  walk(root, "");
  return found;
};

/** Returns whether a variable or a header usually holds a secret, although other values with such a name do not. */
const isKeyOf = (within: string, key: string): boolean =>
  /\.(environment|headers)$/.test(within) && /key$|^(set-)?cookie$/i.test(key);

/** Returns whether a key holds the name of a secret, as in `{credential: NAME}`, which is not the secret itself. */
const isSource = (key: string, within: string): boolean =>
  (key === "env" || key === "file" || key === "credential") && /^\.notify\.|\.environment\.|\.headers\./.test(within);

/** Matches key names that usually hold secrets. */
const NAME =
  /passw|passphrase|pass(?:$|[_.-])|pwd|secret|token|credential|(?:^|[_.-])auth(?:$|[_.-])|authorization|(?:api|private|access|signing|encryption)[_.-]?key/i;

/** Matches a value that is only a template; it reveals no secret. */
const TEMPLATE = /^["']?\s*\$\{\{[^{}]*\}\}\s*["']?$/;
