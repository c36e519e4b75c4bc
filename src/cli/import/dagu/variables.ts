import type { Node } from "../../../jobfile/parse/node.ts";
import type { Json } from "../../../lib/json.ts";
import { type Fields, pairsOf, textOf, valueText } from "./fields.ts";
import { dynamicText, isDynamic, splitLine } from "./shell.ts";

/** The variables of a DAG or a step: fixed ones, and lines of a shell for those that depend on others. */
export type Variables = { readonly environment: Readonly<Record<string, Json>>; readonly prelude: readonly string[] };

const NAME = /^[A-Za-z_]\w*$/;

/** Reads `env`. From the first variable that depends on another one, all are set by the shell, in order. */
export const envOf = (fields: Fields): Variables => {
  const entry = fields.take("env");
  if (entry === null) return { environment: {}, prelude: [] };
  const pairs = pairsOf(entry.value);
  if (pairs === null) {
    fields.leaveOut(entry, "it is neither a map nor a list of NAME=value");
    return { environment: {}, prelude: [] };
  }
  const environment: Record<string, Json> = {};
  const prelude: string[] = [];
  for (const [name, value] of pairs) {
    const text = valueText(value);
    if (!NAME.test(name) || name.startsWith("PETIT_"))
      fields.leaveOut(entry, `'${name}' is no name of a variable here`);
    else if (isDynamic(text)) prelude.push(`export ${name}=${dynamicText(text)}`);
    else environment[name] = text;
  }
  return { environment, prelude };
};

/** A param of a DAG. `value` is its default; null if there is none. */
type DagParam = {
  readonly name: string;
  readonly value: string | null;
  readonly fields: Readonly<Record<string, Json>>;
};

export type DagParams = {
  readonly params: readonly DagParam[];
  /** The names of those without a name of their own, which steps know as $1, $2 and so on. */
  readonly positional: readonly string[];
};

/** Reads `params`: a line, a list, a map, or a schema. */
export const paramsOf = (fields: Fields): DagParams => {
  const entry = fields.take("params");
  if (entry === null) return { params: [], positional: [] };
  const params: DagParam[] = [];
  const positional: string[] = [];
  const add = (name: string, value: string | null, more: Readonly<Record<string, Json>> = {}): void => {
    if (!NAME.test(name)) fields.leaveOut(entry, `'${name}' is no name of a param here`);
    else if (!params.some((param) => param.name === name)) params.push({ name, value, fields: more });
  };
  const addWord = (word: string): void => {
    const [, name, value = ""] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (name !== undefined) {
      add(name, value);
      return;
    }
    positional.push(`ARG${positional.length + 1}`);
    add(positional.at(-1) ?? "", word);
  };
  const { value } = entry;
  if (value.kind === "scalar") splitLine(textOf(value) ?? "").forEach(addWord);
  else if (value.kind === "list")
    for (const item of value.items) {
      if (item.kind === "map") addItem(fields.source.fields(item), add);
      else splitWord(textOf(item) ?? "").forEach(addWord);
    }
  else if (isSchema(value)) addSchema(fields.source.fields(value), add);
  else for (const { key, value: each } of value.entries) add(key, valueText(each));
  if (value.kind === "map" && isSchemaFile(value)) fields.leaveOut(entry, "petit reads no schema of params");
  return { params, positional };
};

type Add = (name: string, value: string | null, more?: Readonly<Record<string, Json>>) => void;

/** A text of a list is one param, unless it has several of the form NAME=value. */
const splitWord = (text: string): readonly string[] => {
  const words = splitLine(text);
  return words.length > 1 && words.every((word) => /^[A-Za-z_]\w*=/.test(word))
    ? words
    : [text.replace(/^([A-Za-z_]\w*)="(.*)"$/s, "$1=$2")];
};

type MapNode = Extract<Node, { kind: "map" }>;

/** An item is a param with `name` and more, or names and defaults. */
const addItem = (item: Fields, add: Add): void => {
  const name = item.text("name");
  if (name !== null) add(name, defaultOf(item), fieldsOf(item));
  else
    for (const { key, value } of item.map.entries) {
      item.use(key);
      add(key, valueText(value));
    }
};

const defaultOf = (item: Fields): string | null => {
  const found = item.take("default", "value");
  return found === null ? null : valueText(found.value);
};

/** The fields of a param that petit has too. Its values are texts. */
const fieldsOf = (item: Fields): Readonly<Record<string, Json>> => {
  const type = item.take("type");
  if (type !== null && textOf(type.value) !== "string") item.note(type, "params of petit are texts");
  const description = item.text("description");
  const isRequired = item.boolean("required");
  const values = item.texts("enum");
  const pattern = item.text("pattern");
  return {
    ...(description === null || description === "" ? {} : { description }),
    ...(isRequired ? { required: true } : {}),
    ...(values.length === 0 ? {} : { enum: [...values] }),
    ...(pattern === null ? {} : { pattern }),
  };
};

const isSchema = (node: MapNode): boolean =>
  node.entries.some(({ key, value }) => key === "properties" && value.kind === "map");

const isSchemaFile = (node: MapNode): boolean =>
  node.entries.some(({ key }) => key === "schema") && node.entries.length <= 2;

const addSchema = (schema: Fields, add: Add): void => {
  schema.take("type");
  const names = schema.texts("required");
  const properties = schema.child("properties");
  for (const { key, value } of properties?.map.entries ?? []) {
    if (value.kind !== "map") continue;
    properties?.use(key);
    const property = schema.source.fields(value);
    const isRequired = names.includes(key) ? { required: true } : {};
    add(key, defaultOf(property), { ...fieldsOf(property), ...isRequired });
  }
};

/** Returns `params` of the job, and what its tasks need so that their scripts find them as in Dagu. */
export const paramFields = ({
  params,
  positional,
}: DagParams): Variables & { readonly params: Readonly<Record<string, Json>> } => ({
  params: Object.fromEntries(
    params.map(({ name, value, fields }) => [
      name,
      { ...fields, ...(value === null || isDynamic(value) ? {} : { default: value }) },
    ]),
  ),
  environment: Object.fromEntries(params.map(({ name }) => [name, `\${{ params.${name} }}`])),
  prelude: [
    ...params.flatMap(({ name, value }) =>
      value !== null && isDynamic(value) ? [`[ -n "$${name}" ] || ${name}=${dynamicText(value)}`] : [],
    ),
    ...(positional.length === 0 ? [] : [`set -- ${positional.map((name) => `"$${name}"`).join(" ")}`]),
  ],
});
