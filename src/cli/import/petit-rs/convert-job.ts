import { isName } from "../../../domain/ids.ts";
import { type Entry, isEmpty, type MapNode, type Node, toJson } from "../../../jobfile/parse/node.ts";
import { parseYaml } from "../../../jobfile/parse/parse.ts";
import { readJobFile } from "../../../jobfile/read/job-file.ts";
import type { Fate, ImportedFile, ImportProblem } from "../imported.ts";
import { convertSchedule } from "./convert-schedule.ts";
import { convertTask } from "./convert-task.ts";
import { DOLLAR, Rewrite, textOf, yamlText } from "./rewrite.ts";

export type JobSource = {
  /** The file as messages call it. */
  readonly file: string;
  readonly text: string;
  /** The path in the output folder. */
  readonly path: string;
  /** The folder in which the Rust petit was started, an absolute path. */
  readonly workingDir: string;
  /** In ms since the Unix epoch. */
  readonly now: number;
};

export type ConvertedJob = {
  /** The id of the job, and its place; null if the file can't be read. */
  readonly job: { readonly id: string; readonly file: string; readonly line: number } | null;
  readonly files: readonly ImportedFile[];
  readonly fates: readonly Fate[];
  readonly problems: readonly ImportProblem[];
};

const KNOWN = ["id", "name", "description", "schedule", "tasks", "depends_on", "config", "max_concurrency", "enabled"];

/** Rewrites a job file of the Rust petit, such that the job behaves here as there. Changes only what has to be changed. */
export const convertJob = (source: JobSource): ConvertedJob => {
  const rewrite = new Rewrite(source.file, source.text);
  const root = readRoot(rewrite, source.text);
  if (root === null) return { job: null, files: [], fates: [], problems: rewrite.problems };
  rewriteJob(rewrite, root, source);
  const id = idHere(textOf(root.entries.find(({ key }) => key === "id")?.value) ?? "");
  const line = rewrite.lineOf(root.at);
  const text = checkedText(rewrite, source);
  const notes = text === source.text && rewrite.notes.length === 0 ? ["nothing had to be changed"] : rewrite.notes;
  const fate: Fate = { file: source.file, line, outcome: "job", jobId: id, notes };
  return {
    job: { id, file: source.file, line },
    files: [{ path: source.path, text }],
    fates: [fate, ...rewrite.leftOut.toSorted((a, b) => a.line - b.line)],
    problems: rewrite.problems,
  };
};

/** Returns the only document of a file, which is a map; null after reporting that it is not. */
const readRoot = (rewrite: Rewrite, text: string): MapNode | null => {
  const documents = parseYaml(text);
  for (const { faults } of documents) for (const { at, message } of faults) rewrite.problem(at, message);
  const [first, second] = documents;
  if (rewrite.problems.length > 0) return null;
  if (first !== undefined && second !== undefined) {
    const at = second.root?.at ?? first.end;
    rewrite.problem(at, "a second document is not read by the Rust petit; expected one job in a file");
    return null;
  }
  if (first?.root?.kind === "map") return first.root;
  rewrite.problem(first?.root?.at ?? 0, "is not a job; expected a map with id, name and tasks");
  return null;
};

const rewriteJob = (rewrite: Rewrite, job: MapNode, { workingDir, now }: JobSource): void => {
  const fields = rewrite.keepKnown(job, KNOWN);
  const { id, tasks, depends_on, config } = Object.fromEntries(fields);
  if (id !== undefined) renameJob(rewrite, id.value);
  for (const name of ["id", "name", "description"]) rewrite.quote(fields.get(name)?.value);
  convertSchedule(rewrite, job, now);
  if (depends_on !== undefined && hasItems(depends_on.value))
    rewrite.leaveOut(job, depends_on, "the Rust petit does not enforce the 'depends_on' of a job");
  const maps = tasks?.value.kind === "list" ? tasks.value.items.filter((item) => item.kind === "map") : [];
  const newIds = renamedTasks(rewrite, maps);
  for (const task of maps) convertTask(rewrite, task, { newIds, workingDir });
  noteLooserConditions(rewrite, maps);
  inlineAliases(
    rewrite,
    job,
    job.entries.filter(({ key }) => !fields.has(key)),
  );
  if (rewrite.needsDollar && tasks !== undefined) addDollar(rewrite, { job, tasks, config });
};

const hasItems = (node: Node): boolean => node.kind === "list" && node.items.length > 0;

/** Returns the id that is allowed here. The Rust petit takes any text. */
const idHere = (id: string): string => {
  if (isName(id)) return id;
  const name = id.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "");
  return name === "" ? "job" : name.slice(0, 128);
};

const renameJob = (rewrite: Rewrite, node: Node): void => {
  const id = textOf(node) ?? "";
  if (node.kind !== "scalar" || id === "" || isName(id)) return;
  rewrite.edits.setScalar(node, yamlText(idHere(id)));
  rewrite.note(`the id '${id}' is '${idHere(id)}' here`);
};

/** Returns the new ids of the tasks whose ids are not allowed here. */
const renamedTasks = (rewrite: Rewrite, tasks: readonly MapNode[]): ReadonlyMap<string, string> => {
  const ids = tasks.map((task) => textOf(fieldOf(task, "id")) ?? "");
  const taken = new Set(ids);
  const newIds = new Map<string, string>();
  for (const id of ids) {
    if (id === "" || isName(id) || newIds.has(id)) continue;
    let newId = idHere(id);
    for (let count = 2; taken.has(newId); count++) newId = `${idHere(id).slice(0, 120)}-${count}`;
    taken.add(newId);
    newIds.set(id, newId);
    rewrite.note(`the id '${id}' of a task is '${newId}' here`);
  }
  return newIds;
};

const fieldOf = (map: MapNode, name: string): Node | undefined => map.entries.find(({ key }) => key === name)?.value;

/** Notes where `on_failure` also holds for an upstream task that was skipped because of a failure further up. */
const noteLooserConditions = (rewrite: Rewrite, tasks: readonly MapNode[]): void => {
  const skippable = new Set(tasks.filter(canBeSkippedByFailure).map((task) => textOf(fieldOf(task, "id"))));
  for (const task of tasks) {
    if (textOf(fieldOf(task, "condition")) !== "on_failure") continue;
    const upstream = upstreamsOf(task).find((id) => skippable.has(id));
    if (upstream === undefined) continue;
    const id = textOf(fieldOf(task, "id"));
    rewrite.note(
      `task '${id}' also runs if '${upstream}' is skipped because of a failure before it; the Rust petit skips it then`,
    );
  }
};

const upstreamsOf = (task: MapNode): readonly (string | null)[] => {
  const list = fieldOf(task, "depends_on");
  return list?.kind === "list" ? list.items.map(textOf) : [];
};

const canBeSkippedByFailure = (task: MapNode): boolean =>
  ["all_success", null].includes(textOf(fieldOf(task, "condition"))) && upstreamsOf(task).length > 0;

/** Writes out the aliases of values that are in a removed field. */
const inlineAliases = (rewrite: Rewrite, map: MapNode, removed: readonly Entry[]): void => {
  const spans = removed.map(({ keyAt }) => {
    const next = map.entries.map((entry) => entry.keyAt).filter((at) => at > keyAt);
    return { from: keyAt, to: Math.min(...next) };
  });
  const isRemoved = (at: number): boolean => spans.some(({ from, to }) => at >= from && at < to);
  const visit = (node: Node): void => {
    if (node.kind === "list") node.items.forEach(visit);
    if (node.kind !== "map") return;
    for (const entry of node.entries) {
      if (isRemoved(entry.keyAt)) continue;
      const isAlias = entry.value.at < entry.keyAt;
      if (!isAlias) visit(entry.value);
      else if (isRemoved(entry.value.at)) rewrite.edits.setValue(entry, JSON.stringify(toJson(entry.value)));
    }
  };
  visit(map);
};

type ConfigPlace = { readonly job: MapNode; readonly tasks: Entry; readonly config: Entry | undefined };

/** Adds the value to the config that the escaped templates refer to. */
const addDollar = (rewrite: Rewrite, { job, tasks, config }: ConfigPlace): void => {
  const { edits } = rewrite;
  const field = `${DOLLAR}: "$"`;
  rewrite.note(`'\${{' starts a template here, so it is written with '${DOLLAR}' of the config`);
  if (config === undefined) edits.addBefore(job, tasks, `config: {${field}}`);
  else if (isEmpty(config.value)) edits.setValue(config, `{${field}}`);
  else if (config.value.kind !== "map" || fieldOf(config.value, DOLLAR) !== undefined)
    rewrite.problem(
      config.keyAt,
      `'\${{' can't be written here, because the config has '${DOLLAR}'; expected another key`,
    );
  else edits.addFirst(config.value, field);
};

/** Returns the new text. Reports what is not valid in it, at the lines of the original. */
const checkedText = (rewrite: Rewrite, { file, path, workingDir }: JobSource): string => {
  const { text, originalOffset } = rewrite.edits.apply();
  if (rewrite.problems.length > 0) return text;
  const lines = text.split("\n");
  for (const { line, column, path: field, message } of readJobFile({ file: path, folder: workingDir, text }).problems) {
    const offset = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
    const problem = field === "" ? message : `${field}: ${message}`;
    rewrite.problems.push({ file, line: rewrite.lineOf(originalOffset(offset)), message: problem });
  }
  return text;
};
