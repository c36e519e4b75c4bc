import type { Job, Program, Task } from "../../domain/job.ts";
import type { Offer } from "../../domain/workers/protocol.ts";

/** Where the files that a job names are on this machine. */
export type LocalFiles = {
  /** The working directory of the worker, to which paths are relative. */
  readonly folder: string;
  /** The paths of the files that came with the offer, by the path that the job file names. */
  readonly files: ReadonlyMap<string, string>;
};

/** Returns the job of an offer with the paths of this machine. */
export const localJob = ({ job }: Pick<Offer, "job">, { folder, files }: LocalFiles): Job => ({
  ...job,
  source: { ...job.source, folder },
  tasks: job.tasks.map((task) => localTask(task, files)),
});

const localTask = (task: Task, files: LocalFiles["files"]): Task => ({
  ...task,
  program: localProgram(task.program, files),
});

const localProgram = (program: Program, files: LocalFiles["files"]): Program => {
  if ("file" in program) return { ...program, file: files.get(program.file) ?? program.file };
  if (program.type !== "http" || program.body?.kind !== "file") return program;
  const { path } = program.body;
  return { ...program, body: { kind: "file", path: files.get(path) ?? path } };
};
