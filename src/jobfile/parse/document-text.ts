import {
  isPossibleSecret,
  isSecretSource,
  maskArgs,
  maskOf,
  maskText,
  readsSecretFromStdin,
  TEMPLATE,
} from "../possible-secrets.ts";
import type { PositionedFile } from "../source.ts";
import type { Node, ScalarNode } from "./node.ts";

/** The displayed text of one document of a file; `line` is its first line in the file, from 1. */
export type DocumentText = { readonly text: string; readonly line: number };

/**
 * Returns the text between two offsets without the document marker and surrounding blank lines. Masks possible secrets:
 * URLs and headers of notifications, values whose key suggests a secret, and secrets in texts and arguments.
 */
export const documentText = (root: Node, { text, positions }: PositionedFile, range: Range): DocumentText => {
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
    text: `${maskText(shown).trimEnd()}\n`,
    line: positions(from).line,
  };
};

export type Range = { readonly from: number; readonly to: number };

type Secret = { readonly node: ScalarNode; readonly mask: string };

const secretsOf = (root: Node): Secret[] => {
  const found: Secret[] = [];
  const hide = (node: Node, mask: (text: string) => string): void => {
    if (node.kind === "scalar" && node.value !== null && !TEMPLATE.test(node.source))
      found.push({ node, mask: JSON.stringify(mask(String(node.value))) });
  };
  const hideAll = (node: Node, path: string): void => {
    if (node.kind === "list") for (const item of node.items) hideAll(item, path);
    else hide(node, maskOf(path));
  };
  const hideInArgs = (items: readonly Node[]): void => {
    const args = items.map(textOf);
    for (const [index, masked] of maskArgs(args).entries()) {
      const item = items[index];
      if (item !== undefined && masked !== args[index]) hide(item, () => masked);
    }
  };
  const walk = (node: Node, within: string): void => {
    if (node.kind === "list") for (const item of node.items) walk(item, within);
    if (node.kind !== "map") return;
    const args = node.entries.find(({ key }) => key === "args")?.value;
    const items = args?.kind === "list" ? args.items : [];
    hideInArgs(items);
    for (const { key, value } of node.entries) {
      const path = `${within}.${key}`;
      if (isSecretSource(within, key)) continue;
      if (isPossibleSecret(within, key)) hideAll(value, path);
      if (key === "stdin" && readsSecretFromStdin(items.map(textOf))) hideAll(value, path);
      walk(value, path);
    }
  };
  walk(root, "");
  return found;
};

const textOf = (node: Node): string => (node.kind === "scalar" ? String(node.value ?? "") : "");
