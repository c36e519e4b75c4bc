import { statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { Job } from "../../domain/job.ts";
import { shorten } from "../../lib/text.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { JobDraft, TaskDraft } from "../schema/job.ts";
import { CONTAINED, PROGRAM_FIELD_NAMES, PROGRAM_FIELDS, type ProgramField } from "../schema/task.ts";
import { findTemplates } from "../template.ts";
import { checkFieldsOfType, withArticle } from "./fields-of-type.ts";

/** Checks that each task has only the fields of its type and that its script file exists. `folder` is the job file's folder; null to look for no files. */
export const checkPrograms = ({ tasks = [], runs_on }: JobDraft, report: Report, folder: string | null): void => {
  tasks.forEach((task, index) => {
    if (task?.type === undefined) return;
    checkFields(task, { path: ["tasks", index], report });
    checkContainer(task, { path: ["tasks", index], report });
    const isRemote = (task.runs_on ?? runs_on ?? []).length > 0;
    checkFile(task, { path: ["tasks", index, "script"], report, folder, isRemote });
  });
};

/** Returns whether the script files of a valid job still exist. */
export const hasPrograms = ({ tasks, source }: Job): boolean =>
  tasks.every(({ program, workingDir, runsOn }) => {
    if (!("inline" in program) || program.inline) return true;
    const script = { type: program.type, inline: false, script: program.file };
    const draft = { ...script, ...(workingDir !== null && { working_dir: workingDir }) };
    return whyNoFile(draft, { folder: source.folder, isRemote: runsOn !== undefined }) === null;
  });

type TaskPlace = { readonly path: Path; readonly report: Report };

const checkFields = (task: TaskDraft, { path, report }: TaskPlace): void => {
  if (task.type === undefined) return;
  if (task.type === "approval") checkApproval(task, { path, report });
  if (task.type === "job") checkChildJob(task, { path, report });
  if (task.type === "http") checkRequest(task, { path, report });
  const { required, optional } = PROGRAM_FIELDS[task.type];
  const what = `${withArticle(task.type)} task`;
  const given = PROGRAM_FIELD_NAMES.filter((field) => task[field] !== undefined);
  checkFieldsOfType<ProgramField>({ what, given, required, optional, common: [], path, report });
};

const checkContainer = (task: TaskDraft, { path, report }: TaskPlace): void => {
  const { type, container, artifacts = [], working_dir: workingDir } = task;
  if (container === undefined || type === undefined) return;
  if (artifacts.length > 0 && workingDir === undefined)
    report.addAt(
      [...path, "artifacts"],
      "has no effect in a container without working_dir; expected a working_dir, or files in $PETIT_ARTIFACTS",
    );
  if (CONTAINED.includes(type)) return;
  const why = type === "typescript" ? "runs in petit itself, which an image does not contain" : "has no local program";
  report.addAt([...path, "container"], `${withArticle(type)} task ${why}; expected ${CONTAINED.join(", ")}`);
};

/** Fields that have no effect without a process. */
const PROCESS_FIELDS = ["args", "stdin", "working_dir", "environment", "artifacts"] as const;

type UselessField = (typeof PROCESS_FIELDS)[number] | "retry" | "foreach" | "matrix" | "skip_exit_codes";

const refuseFields = (
  task: TaskDraft,
  fields: readonly UselessField[],
  { path, report, why }: TaskPlace & { readonly why: string },
): void => {
  for (const field of fields) {
    const value = task[field];
    const isGiven = value !== undefined && (typeof value !== "object" || Object.keys(value).length > 0);
    if (isGiven) report.addAt([...path, field], `has no effect here; ${why}`);
  }
};

const checkChildJob = (task: TaskDraft, { path, report }: TaskPlace): void => {
  const why = "a job task has no process; pass values in `params`";
  refuseFields(task, PROCESS_FIELDS, { path, report, why });
  refuseFields(task, ["skip_exit_codes"], { path, report, why: "a job task has no exit code" });
  if (typeof task.allow_failure === "object")
    report.addAt([...path, "allow_failure"], "a job task has no exit code; expected true or false");
  if (task.wait !== false) return;
  for (const field of ["timeout", "timeout_secs"] as const)
    if (task[field] !== undefined) report.addAt([...path, field], "has no effect here; the task does not wait");
};

const checkApproval = (task: TaskDraft, { path, report }: TaskPlace): void => {
  const why = "an approval task has no process";
  refuseFields(task, [...PROCESS_FIELDS, "retry", "foreach", "matrix"], { path, report, why });
  if (task.on_timeout !== undefined && task.timeout === undefined && task.timeout_secs === undefined)
    report.addAt([...path, "on_timeout"], "has no effect here; it needs timeout");
};

const checkRequest = (task: TaskDraft, place: TaskPlace): void => {
  refuseFields(task, ["args", "stdin"], { ...place, why: "an http task sends json, body, form or file" });
};

/** The working directory of a remote task is on the worker, so petit does not look for the script there. */
type FilePlace = { readonly folder: string | null; readonly isRemote: boolean };

const checkFile = (task: TaskDraft, place: TaskPlace & FilePlace): void => {
  const problem = whyNoFile(task, place);
  if (problem !== null) place.report.addAt(place.path, problem);
};

type ScriptDraft = Partial<Pick<TaskDraft, "type" | "inline" | "script" | "working_dir">>;

const whyNoFile = (
  { type, inline, script, working_dir }: ScriptDraft,
  { folder, isRemote }: FilePlace,
): string | null => {
  if ((type !== "python" && type !== "typescript") || inline === true || script === undefined) return null;
  if (script.trim() === "" || script.includes("\0") || script.includes("${{")) return null;
  if (script.includes("\n")) return "is a file name here; expected `inline: true` with the program text";
  // Where the folder is known only at run time, so is the file.
  if (folder === null || (!isRemote && working_dir?.includes("${{"))) return null;
  const workingDir = working_dir === undefined ? process.cwd() : resolve(folder, working_dir);
  const folders = isRemote ? [folder] : [folder, workingDir];
  if (folders.some((candidate) => isFile(resolve(candidate, script)))) return null;
  const where = isAbsolute(script) ? "" : ` in ${[...new Set(folders)].join(" or ")}`;
  return `the file '${script}' was not found${where}; expected a file, or \`inline: true\` with the program text`;
};

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** The fields whose values ssh gets as words of their own. */
const SSH_NAMES = ["host", "user", "jump"] as const;

/** Checks that ssh can't take a name for an option or for several words, as far as it is known before a run. */
export const checkSshNames = ({ tasks = [] }: JobDraft, report: Report): void => {
  for (const [index, task] of tasks.entries()) {
    if (task?.type !== "ssh") continue;
    for (const field of SSH_NAMES) {
      const path = ["tasks", index, field];
      const text = task[field];
      const problem = text === undefined || report.has(path) ? null : whyNotName(text);
      if (problem !== null) report.addAt(path, problem);
    }
  }
};

const whyNotName = (text: string): string | null => {
  if (text.startsWith("-"))
    return `'${shorten(text)}' begins with '-', so ssh would take it for an option; expected a name`;
  const literal = findTemplates(text).reduce((rest, template) => rest.replace(template.text, ""), text);
  return /[\s\p{Cc}]/u.test(literal) ? `'${shorten(text)}' contains a space; expected a name` : null;
};
