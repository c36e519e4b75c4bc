import type { Node } from "../../../jobfile/parse/node.ts";
import type { Json } from "../../../lib/json.ts";
import { type Fields, textOf } from "./fields.ts";
import { dynamicText } from "./shell.ts";

/** Reads `preconditions`. Returns the lines of a shell that end with status 1 unless all hold; none if there are none. */
export const preconditionLines = (fields: Fields): readonly string[] => {
  const entry = fields.take("preconditions", "precondition");
  if (entry === null) return [];
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  return nodes.map((node) => `${checkOf(fields, node)} || exit 1`);
};

/** A command, or a value that has to be equal to the expected one, or to match it after `re:`. */
const checkOf = (fields: Fields, node: Node): string => {
  if (node.kind !== "map") return `( ${textOf(node) ?? "false"} )`;
  const map = fields.source.fields(node);
  const condition = map.text("condition", "command") ?? "";
  const expected = map.text("expected");
  const isNegated = map.boolean("negate");
  return `${isNegated ? "! " : ""}${equalCheck(condition, expected)}`;
};

const equalCheck = (condition: string, expected: string | null): string => {
  if (expected === null) return `( ${condition} )`;
  const value = dynamicText(condition);
  if (!expected.startsWith("re:")) return `[ ${value} = ${dynamicText(expected)} ]`;
  return `printf '%s\\n' ${value} | grep -Eq -- ${dynamicText(expected.slice(3))}`;
};

/** Returns a task that is skipped unless the conditions hold. */
export const conditionTask = (
  id: string,
  lines: readonly string[],
  prelude: readonly string[],
): Readonly<Record<string, Json>> => ({
  id,
  type: "shell",
  script: `${[...prelude, ...lines].join("\n")}\n`,
  skip_exit_codes: [1],
});
