import { formatPath } from "./parse/node.ts";
import type { Position } from "./parse/positions.ts";
import type { Source } from "./read/job-file.ts";
import type { Report } from "./report.ts";
import type { JobDraft } from "./schema/job.ts";

/** What a document says that concerns others: its id, and the jobs it names. */
export type Declaration = {
  /** Null where it gives none. */
  readonly id: string | null;
  readonly file: string;
  readonly position: Position;
  /** Whether it was found by its looks in a file that is not YAML. */
  readonly isGuess: boolean;
  readonly gates: readonly Gate[];
};

export type Gate = { readonly jobId: string; readonly path: string; readonly position: Position };

export const declareJob = (draft: JobDraft, report: Report, { file, positions }: Source): Declaration => ({
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

/** The ids that a file which can't be read as YAML seems to hold, so that jobs which name them aren't blamed. */
export const declareUnread = (source: Source): Declaration[] =>
  Array.from(source.text.matchAll(/^id:[ \t]*["']?([A-Za-z0-9][\w.-]*)/gm), ([, id = ""]) => ({
    id,
    file: source.file,
    position: { line: 1, column: 1 },
    isGuess: true,
    gates: [],
  }));
