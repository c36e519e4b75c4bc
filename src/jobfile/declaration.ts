import { formatPath } from "./parse/node.ts";
import type { Position } from "./parse/positions.ts";
import type { Report } from "./report.ts";
import type { JobDraft } from "./schema/job.ts";
import type { SourceFile } from "./source.ts";

/** The parts of a document that other jobs depend on: its id and the jobs it names. */
export type Declaration = {
  /** Null if the document has no id. */
  readonly id: string | null;
  readonly file: string;
  readonly position: Position;
  /** True if the id was guessed from the text of a file that is not valid YAML. */
  readonly isGuess: boolean;
  readonly gates: readonly Gate[];
};

export type Gate = { readonly jobId: string; readonly path: string; readonly position: Position };

export const declareJob = (draft: JobDraft, report: Report, { file, positions }: SourceFile): Declaration => ({
  id: draft.id ?? null,
  file,
  position: positions(report.locate(["id"]).node.at),
  isGuess: false,
  gates: (draft.depends_on ?? []).flatMap((gate, index) => {
    const jobId = typeof gate === "string" ? gate : (gate?.job ?? gate?.job_id);
    const field = typeof gate === "string" ? [] : [gate?.job === undefined ? "job_id" : "job"];
    if (jobId === undefined) return [];
    const { node, path } = report.locate(["depends_on", index, ...field]);
    return [{ jobId, path: formatPath(path), position: positions(node.at) }];
  }),
});

/** Guesses the job ids in a file that is not valid YAML, so that jobs that name them are not reported as well. */
export const declareUnread = (source: SourceFile): Declaration[] =>
  Array.from(source.text.matchAll(/^id:[ \t]*["']?([A-Za-z0-9][\w.-]*)/gm), ([, id = ""]) => ({
    id,
    file: source.file,
    position: { line: 1, column: 1 },
    isGuess: true,
    gates: [],
  }));
