import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

/** Text of a line with the CSS classes of its colour. */
export type YamlToken = { readonly text: string; readonly classes: string };

/** YAML is the only language that the page shows. */
const lowlight = createLowlight({ yaml });

/** Splits YAML into lines of tokens. The text is not interpreted as HTML. */
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
