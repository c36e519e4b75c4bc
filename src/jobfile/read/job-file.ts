import type { Job } from "../../domain/job.ts";
import { buildJob } from "../build/job.ts";
import { checkArtifacts } from "../check/artifacts.ts";
import { checkExcept, type Exceptions } from "../check/except.ts";
import { checkGates } from "../check/gates.ts";
import { checkHttp } from "../check/http.ts";
import { checkItems } from "../check/items.ts";
import { checkLabels } from "../check/labels.ts";
import { checkLimits } from "../check/limits.ts";
import { checkLinks } from "../check/links.ts";
import { checkNotify } from "../check/notify.ts";
import { checkParams } from "../check/params.ts";
import { checkPrograms, checkSshNames } from "../check/programs.ts";
import { checkSchedule } from "../check/schedule.ts";
import { checkTasks } from "../check/tasks.ts";
import { checkTemplates, type OutputRead } from "../check/templates.ts";
import { checkTriggers } from "../check/triggers/triggers.ts";
import { checkVariables } from "../check/variables.ts";
import { type Declaration, declareJob, declareUnread } from "../declaration.ts";
import { documentText, type Range } from "../parse/document-text.ts";
import type { MapNode, Node } from "../parse/node.ts";
import { type Fault, type ParsedDocument, parseYaml } from "../parse/parse.ts";
import { makePositions } from "../parse/positions.ts";
import { Place } from "../place.ts";
import type { Problem } from "../problem.ts";
import type { Reference } from "../reference.ts";
import { makeReport, type Report } from "../report.ts";
import { JOB, type JobDraft } from "../schema/job.ts";
import type { JobFile, PositionedFile } from "../source.ts";
import { isWhole, readValue } from "./value.ts";

/** The result of reading one file. */
export type FileContent = {
  /** The valid jobs. */
  readonly jobs: readonly Job[];
  /** The declarations of all jobs, valid or not. */
  readonly declarations: readonly Declaration[];
  readonly problems: readonly Problem[];
  /** Other files that decide what this one means; left out if there are none. */
  readonly references?: readonly Reference[];
};

/** Reads and checks every document of a file, except for references to other files. Requires `loadPatterns` if a param has a pattern. */
export const readJobFile = (file: JobFile): FileContent => {
  const source = { ...file, positions: makePositions(file.text) };
  const fault = faultOfText(file.text);
  if (fault !== null) return { jobs: [], declarations: declareUnread(source), problems: toProblems([fault], source) };
  const documents = parseYaml(file.text);
  const contents = documents.map((document, index) =>
    readDocument(document, source, { from: documents[index - 1]?.end ?? 0, to: document.end }),
  );
  const references = contents.flatMap((content) => content.references ?? []);
  return {
    jobs: contents.flatMap((content) => content.jobs),
    declarations: contents.flatMap((content) => content.declarations),
    problems: contents.flatMap((content) => content.problems),
    ...(references.length > 0 && { references }),
  };
};

/** A full disk can truncate a file to nothing, so an empty file is an error; a file of comments only removes its jobs. */
const faultOfText = (text: string): Fault | null => {
  if (text.trim() === "") return { at: 0, path: "", message: "the file is empty; expected a job" };
  const nul = text.indexOf("\0");
  return nul === -1 ? null : { at: nul, path: "", message: "contains a NUL character; expected text" };
};

const toProblems = (faults: readonly Fault[], { file, positions }: PositionedFile): Problem[] =>
  faults.map(({ at, path, message }) => ({ file, ...positions(at), path, message }));

const readDocument = (
  { root, faults, isSyntax }: ParsedDocument,
  source: PositionedFile,
  range: Range,
): FileContent => {
  if (root === null && faults.length === 0) return { jobs: [], declarations: [], problems: [] };
  if (root?.kind !== "map" || isSyntax) {
    const all = faults.length > 0 || root === null ? faults : [noMap(root)];
    return { jobs: [], declarations: declareUnread(source), problems: toProblems(all, source) };
  }
  return readMap(root, faults, { ...source, range });
};

const noMap = (root: Node): Fault => ({
  at: root.at,
  path: "",
  message: "is not a job; expected a map with id, tasks …",
});

const readMap = (
  root: MapNode,
  faults: readonly Fault[],
  source: PositionedFile & { readonly range: Range },
): FileContent => {
  const report = makeReport(root, source.text);
  const draft = readValue(root, JOB, Place.top(report));
  if (draft === undefined) return { jobs: [], declarations: [], problems: toProblems(report.faults, source) };
  const { except, references, reads } = checkMeaning(draft, report, source.folder);
  const declarations = [declareJob(draft, reads, report, source)];
  const all = [...faults, ...report.faults];
  if (all.length > 0 || !isWhole(JOB, draft, report))
    return { jobs: [], declarations, problems: toProblems(all, source), references };
  const { file, folder } = source;
  const { line } = source.positions(root.at);
  const job = buildJob(
    draft,
    { file, line, folder: folder ?? "", document: documentText(root, source, source.range) },
    except,
  );
  return { jobs: [job], declarations, problems: [], references };
};

const checkMeaning = (
  draft: JobDraft,
  report: Report,
  folder: string | null,
): Exceptions & { readonly reads: readonly OutputRead[] } => {
  checkLinks(draft, report);
  checkSchedule(draft, report);
  checkGates(draft, report);
  checkParams(draft, report);
  checkTriggers(draft, report);
  checkVariables(draft, report);
  checkNotify(draft, report);
  checkTasks(draft, report);
  checkPrograms(draft, report, folder);
  checkLabels(draft, report);
  checkLimits(draft, report);
  checkHttp(draft, report);
  checkSshNames(draft, report);
  checkItems(draft, report);
  checkArtifacts(draft, report);
  const reads = checkTemplates(draft, report);
  return { ...checkExcept(draft, report, folder), reads };
};
