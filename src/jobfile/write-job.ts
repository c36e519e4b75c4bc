import { Document, isMap, isNode, isPair, isScalar, Scalar, visit } from "yaml";
import type { Json } from "../lib/json.ts";

/** A job to write: its fields in the order of the file, and its comments. */
export type JobText = {
  readonly fields: Readonly<Record<string, Json>>;
  /** Lines of the comment at the top of the file. */
  readonly head?: readonly string[];
  /** Lines of the comment above a field, by the path of the field, such as `schedule.cron` or `tasks.0.args`. */
  readonly comments?: Readonly<Record<string, readonly string[]>>;
  /** Lines of the comment at the end of the file. */
  readonly foot?: readonly string[];
};

/** Formats a job as YAML that petit reads back as the same values. A text with several lines becomes a block. */
export const jobText = ({ fields, head = [], comments = {}, foot = [] }: JobText): string => {
  const document = new Document(fields);
  visit(document, { Scalar: (_, node) => chooseStyle(node) });
  for (const [path, lines] of Object.entries(comments)) addComment(document, path.split("."), lines);
  const lines = [...head.map(asComment), document.toString(LAYOUT).trimEnd(), ...foot.map(asComment)];
  return `${lines.join("\n")}\n`;
};

/** Long texts are not folded, and a text in quotes stays on one line. */
const LAYOUT = { lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER };

/**
 * Prefers double quotes to a block if white space at the end of a line, or of the text, would be invisible in it, and for
 * control characters such as tabs, which other YAML readers refuse outside of quotes.
 */
const chooseStyle = (node: Scalar): void => {
  if (typeof node.value !== "string" || !/\p{Cc}/u.test(node.value)) return;
  node.type = /[ \t]\n|[ \t]$|^[ \t\n]|\n\n$|[^\n\P{Cc}]/u.test(node.value)
    ? Scalar.QUOTE_DOUBLE
    : Scalar.BLOCK_LITERAL;
};

const asComment = (line: string): string => (line === "" ? "#" : `# ${line}`);

/** Adds a comment above the last field of a path. Throws if there is no such field. */
const addComment = (document: Document, path: readonly string[], lines: readonly string[]): void => {
  const parent = document.getIn(path.slice(0, -1), true) ?? document.contents;
  const key = path.at(-1);
  const pair = isMap(parent) ? parent.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
  if (!isPair(pair) || !isNode(pair.key)) throw new Error(`a comment for the unknown field ${path.join(".")}`);
  pair.key.commentBefore = lines.map((line) => ` ${line}`).join("\n");
};
