import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

/** A piece of a line, and the classes that colour it. */
export type YamlToken = { readonly text: string; readonly classes: string };

/** The only language that is ever shown. */
const lowlight = createLowlight({ yaml });

/** Text as lines of pieces. It stays text, whatever is in it. */
export const highlightYaml = (text: string): readonly (readonly YamlToken[])[] => {
  const tokens = lowlight.highlight("yaml", text.replace(/\n$/, "")).children.flatMap((node) => tokensOf(node, ""));
  const lines: YamlToken[][] = [[]];
  for (const { text, classes } of tokens) {
    const [first = "", ...rest] = text.split("\n");
    lines.at(-1)?.push({ text: first, classes });
    for (const part of rest) lines.push([{ text: part, classes }]);
  }
  return lines;
};

type HighlightNode = ReturnType<typeof lowlight.highlight>["children"][number];

const tokensOf = (node: HighlightNode, classes: string): readonly YamlToken[] => {
  if (node.type === "text") return [{ text: node.value, classes }];
  if (node.type !== "element") return [];
  const { className } = node.properties;
  const own = Array.isArray(className) ? className.join(" ") : classes;
  return node.children.flatMap((child) => (child.type === "comment" ? [] : tokensOf(child, own)));
};
