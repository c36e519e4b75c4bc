import { formatPath, type MapNode, nodeAt } from "./node.ts";
import type { Position } from "./positions.ts";
import type { Source } from "./read-job-file.ts";
import type { JobDraft } from "./schema.ts";

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

export const declareJob = (draft: JobDraft, root: MapNode, source: Source): Declaration => ({
  id: draft.id ?? null,
  file: source.file,
  position: source.positions(nodeAt(root, ["id"]).at),
  isGuess: false,
  gates: (draft.depends_on ?? []).flatMap((gate, index) => {
    const jobId = typeof gate === "string" ? gate : (gate?.job ?? gate?.job_id);
    const path =
      typeof gate === "string"
        ? ["depends_on", index]
        : ["depends_on", index, gate?.job === undefined ? "job_id" : "job"];
    return jobId === undefined
      ? []
      : [{ jobId, path: formatPath(path), position: source.positions(nodeAt(root, path).at) }];
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
