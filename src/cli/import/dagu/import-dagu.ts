import { closeSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PetitError } from "../../../domain/errors.ts";
import type { MapNode } from "../../../jobfile/parse/node.ts";
import { parseYaml } from "../../../jobfile/parse/parse.ts";
import { makePositions } from "../../../jobfile/parse/positions.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { openRegular, readStart } from "../../../lib/files/regular-file.ts";
import { EXIT, Failure } from "../../exit.ts";
import { uniqueId } from "../crontab/job-name.ts";
import type { Fate, Imported, Importer, ImportProblem } from "../imported.ts";
import { idOfName } from "../job-id.ts";
import { Remarks } from "../remarks.ts";
import { type DagFile, type DagJob, dagJob } from "./dag.ts";

/** A DAG that was read, and the id of its job. */
type ReadDag = {
  readonly id: string;
  readonly file: string;
  readonly root: MapNode;
  readonly lineOf: (offset: number) => number;
  /** The names by which steps can call it. */
  readonly names: readonly string[];
};

/** Imports the DAGs of Dagu: a file or a folder with its subfolders. */
export const importDagu: Importer = async ({ sources }): Promise<Imported> => {
  const problems: ImportProblem[] = [];
  const ids = new Set<string>();
  const dags = sources.flatMap(filesOf).flatMap((file) => readDags(file, ids, problems));
  const byName = new Map(dags.flatMap((dag) => dag.names.map((name) => [name, dag.id] as const)).reverse());
  const passed = new Map(dags.map(({ id }) => [id, new Set<string>()]));
  const calls = new Map(dags.map(({ id }) => [id, new Set<string>()]));
  const leads = (from: string, to: string, seen = new Set<string>()): boolean =>
    from === to || [...(calls.get(from) ?? [])].some((next) => !seen.has(next) && leads(next, to, seen.add(next)));
  // A DAG of the same file comes first. petit refuses jobs that run each other without end.
  const jobOf = (caller: ReadDag, name: string, params: readonly string[]): ReturnType<DagFile["jobOf"]> => {
    const job =
      dags.find((dag) => dag.file === caller.file && dag.names.includes(name))?.id ??
      byName.get(name.replace(/\.ya?ml$/, "")) ??
      byName.get(basename(name).replace(/\.ya?ml$/, ""));
    if (job === undefined) return { why: "not among those that are imported" };
    if (leads(job, caller.id)) return { why: "it leads back to this one, which petit refuses" };
    calls.get(caller.id)?.add(job);
    for (const param of params) passed.get(job)?.add(param);
    return { job };
  };
  const jobs = dags
    .map((dag) => ({ dag, remarks: new Remarks() }))
    .map(({ dag, remarks }) => ({
      dag,
      remarks,
      job: dagJob({
        id: dag.id,
        file: dag.file,
        root: dag.root,
        lineOf: dag.lineOf,
        folder: resolve(dirname(dag.file)),
        remarks,
        jobOf: (name, params) => jobOf(dag, name, params),
      }),
    }));
  const fileOf = ({ id, text }: DagJob) => ({ path: `${id}.yaml`, text: text(passed.get(id) ?? new Set()) });
  const fates = jobs.flatMap(({ dag, remarks }): readonly Fate[] => [
    { file: dag.file, line: dag.lineOf(dag.root.at), outcome: "job", jobId: dag.id, notes: [] },
    ...remarks.fates(),
  ]);
  return { files: jobs.map(({ job }) => fileOf(job)), fates, problems, gone: [] };
};

const filesOf = (source: string): readonly string[] => {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new PetitError("not_found", `there is no file or folder ${source}; expected DAGs of Dagu`);
  if (!stats.isDirectory()) return [source];
  const names = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.ya?ml$/.test(name) && !/(?:^|\/)\./.test(name),
  );
  const files = names
    .map((name) => join(source, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (files.length === 0) throw new PetitError("not_found", `${source} has no files NAME.yaml; expected DAGs of Dagu`);
  return files.sort();
};

/** Reads all documents of a file. The first DAG can have the name of the file, further ones their own. */
const readDags = (file: string, ids: Set<string>, problems: ImportProblem[]): readonly ReadDag[] => {
  const text = readText(file);
  const positions = makePositions(text);
  const lineOf = (offset: number): number => positions(offset).line;
  const dags: ReadDag[] = [];
  for (const { root, faults } of parseYaml(text)) {
    for (const { at, message } of faults) problems.push({ file, line: lineOf(at), message });
    if (root === null || faults.length > 0) continue;
    if (root.kind !== "map") {
      problems.push({ file, line: lineOf(root.at), message: "is not a DAG; expected a map with steps" });
      continue;
    }
    const nameNode = root.entries.find(({ key }) => key === "name")?.value;
    const given = nameNode?.kind === "scalar" && typeof nameNode.value === "string" ? nameNode.value : null;
    const ofFile = basename(file).replace(/\.ya?ml$/, "");
    const names = [...(dags.length === 0 ? [ofFile] : []), ...(given === null ? [] : [given])];
    dags.push({
      id: uniqueId(idOfName(dags.length === 0 ? ofFile : (given ?? ofFile), "dag"), ids),
      file,
      root,
      lineOf,
      names,
    });
  }
  return dags;
};

const MAX_BYTES = 2 ** 20;

const readText = (path: string): string => {
  let fd: number | null;
  try {
    fd = openRegular(path);
  } catch (error) {
    throw new Failure(EXIT.FAILED, `${path} can't be read: ${errorMessage(error)}`);
  }
  if (fd === null) throw new Failure(EXIT.FAILED, `${path} is not a regular file; expected a DAG`);
  try {
    const bytes = readStart(fd, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) throw new Failure(EXIT.FAILED, `${path} is larger than 1 MiB; expected a DAG`);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(EXIT.FAILED, `${path} is not UTF-8 text; expected a DAG`);
  } finally {
    closeSync(fd);
  }
};
