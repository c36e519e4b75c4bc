import { maskedUrl } from "../../domain/notification.ts";
import type { Source } from "../read/job-file.ts";
import type { Node, ScalarNode } from "./node.ts";

/** The text of one document of a file, to be shown; `line` is its first one in the file, from 1. */
export type DocumentText = { readonly text: string; readonly line: number };

/**
 * What stands between two offsets, without the marker before it and the blank around it. What may be a secret is hidden:
 * where a notification goes and the headers of it, values whose name speaks of a secret, and passwords in addresses.
 */
export const documentText = (root: Node, { text, positions }: Source, range: Range): DocumentText => {
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
  return { text: `${shown.replaceAll(PASSWORD, "$1…@").trimEnd()}\n`, line: positions(from).line };
};

export type Range = { readonly from: number; readonly to: number };

/** In an address. */
const PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,500}@/gi;

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
      if (path === ".notify.url") hide(value, maskedUrl);
      else if (within === ".notify.headers" || NAME.test(key) || (within.endsWith(".environment") && /key$/i.test(key)))
        hide(value, () => "…");
      walk(value, path);
    }
  };
  walk(root, "");
  return found;
};

/** What people call a secret. */
const NAME =
  /passw|passphrase|pass(?:$|[_.-])|pwd|secret|token|credential|(?:^|[_.-])auth(?:$|[_.-])|authorization|(?:api|private|access|signing|encryption)[_.-]?key/i;

/** Nothing but one template, which tells where a value is from. */
const TEMPLATE = /^["']?\s*\$\{\{[^{}]*\}\}\s*["']?$/;
