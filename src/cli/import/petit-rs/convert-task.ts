import { resolve } from "node:path";
import { type Entry, isEmpty, type MapNode, type Node, type ScalarNode } from "../../../jobfile/parse/node.ts";
import { type Rewrite, textOf, yamlText } from "./rewrite.ts";

const COMMON = ["id", "name", "type", "depends_on", "retry", "environment", "condition"];
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  command: [...COMMON, "command", "args", "working_dir", "timeout_secs"],
  python: [...COMMON, "script", "inline"],
};
const KNOWN_OF_RETRY = ["max_attempts", "delay_secs", "condition"];

export type TaskOptions = {
  /** The ids of tasks that have another id here. */
  readonly newIds: ReadonlyMap<string, string>;
  /** The folder in which the Rust petit was started. */
  readonly workingDir: string;
};

/** Rewrites a task of a job. */
export const convertTask = (rewrite: Rewrite, task: MapNode, options: TaskOptions): void => {
  const type = textOf(task.entries.find(({ key }) => key === "type")?.value) ?? "";
  const known = KNOWN[type];
  // `petit validate` says what is wrong with the type.
  if (known === undefined) return;
  const fields = rewrite.keepKnown(task, known);
  const names = [fields.get("id")?.value, ...itemsOf(fields.get("depends_on")?.value)];
  for (const node of names) renameOrQuote(rewrite, node, options.newIds);
  rewrite.quote(fields.get("name")?.value);
  convertRetry(rewrite, fields);
  for (const { value } of entriesOf(fields.get("environment")?.value)) {
    // Numbers and booleans are their text in both.
    if (isEmpty(value)) rewrite.quote(value);
    escapeScalar(rewrite, value);
  }
  if (type === "python") convertPython(rewrite, task, fields);
  else convertCommand(rewrite, fields, options);
};

const itemsOf = (node: Node | undefined): readonly Node[] => (node?.kind === "list" ? node.items : []);

const entriesOf = (node: Node | undefined): readonly Entry[] => (node?.kind === "map" ? node.entries : []);

const renameOrQuote = (rewrite: Rewrite, node: Node | undefined, newIds: ReadonlyMap<string, string>): void => {
  const newId = newIds.get(textOf(node) ?? "");
  if (node?.kind === "scalar" && newId !== undefined) rewrite.edits.setScalar(node, yamlText(newId));
  else rewrite.quote(node);
};

type Fields = ReadonlyMap<string, Entry>;

const convertRetry = (rewrite: Rewrite, fields: Fields): void => {
  const retry = fields.get("retry")?.value;
  if (retry?.kind !== "map") return;
  const { condition } = Object.fromEntries(rewrite.keepKnown(retry, KNOWN_OF_RETRY));
  if (textOf(condition?.value) === "transient_only")
    rewrite.note(
      `task '${textOf(fields.get("id")?.value)}' is also retried after exit code 75; the Rust petit retries only a timeout`,
    );
};

/** Here a relative folder starts at the job file. */
const convertCommand = (rewrite: Rewrite, fields: Fields, options: TaskOptions): void => {
  for (const node of itemsOf(fields.get("args")?.value)) escapeScalar(rewrite, node);
  const entry = fields.get("working_dir");
  const dir = textOf(entry?.value);
  if (entry === undefined || isEmpty(entry.value) || dir === null || dir.startsWith("/")) return;
  const absolute = resolve(options.workingDir, dir);
  rewrite.edits.setValue(entry, yamlText(absolute));
  rewrite.note(`the working directory '${dir}' is ${absolute}`);
};

const escapeScalar = (rewrite: Rewrite, node: Node): void => {
  if (node.kind !== "scalar" || typeof node.value !== "string" || !node.value.includes("${{")) return;
  rewrite.edits.setScalar(node, rewrite.escapeTemplates(rewrite.edits.sourceOf(node)));
};

/**
 * Makes a `python` task a command: the Rust petit runs `python FILE` or `python -c TEXT`. Here `python` tasks are run by
 * `python3`, from a file that is looked for beside the job file.
 */
const convertPython = (rewrite: Rewrite, task: MapNode, fields: Fields): void => {
  const [type, script, inline] = ["type", "script", "inline"].map((key) => fields.get(key));
  if (type === undefined || script?.value.kind !== "scalar") return;
  const { edits } = rewrite;
  const isInline = inline?.value.kind === "scalar" && inline.value.value === true;
  edits.setValue(type, "command");
  if (inline !== undefined) edits.drop(task, inline);
  edits.replaceEntry(task, { keyAt: script.keyAt, value: script.value }, [
    "command: python",
    ...argsOf(rewrite, script.value, isInline),
  ]);
  const name = isInline ? "python -c" : "python";
  rewrite.note(`task '${textOf(fields.get("id")?.value)}' is a command that runs '${name}', as the Rust petit does`);
};

/** Returns the lines of `args`. A block needs a list in a block; its lines stay as they are if its dash is below the key. */
const argsOf = (rewrite: Rewrite, script: ScalarNode, isInline: boolean): readonly string[] => {
  const source = rewrite.edits.sourceOf(script);
  if (/^[|>]/.test(source)) return ["args:", ...(isInline ? ["- -c"] : []), `- ${rewrite.escapeTemplates(source)}`];
  const text = rewrite.escapeTemplates(/^["']/.test(source) ? source : JSON.stringify(textOf(script)));
  return [`args: [${isInline ? "-c, " : ""}${text}]`];
};
