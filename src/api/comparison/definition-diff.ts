import type { ItemSource } from "../../domain/item.ts";
import type { Job } from "../../domain/job.ts";

export type DefinitionDiff = {
  /** False if only the place of the definition changed. */
  readonly changed: boolean;
  /** The lines of a unified diff of the YAML texts; null if they are equal, too different, or not stored. */
  readonly lines: readonly string[] | null;
};

/** Maximum number of changed lines for which a diff is made, which bounds its time, and of lines that are returned. */
const MAX_CHANGED = 1_000;
const MAX_LINES = 500;

/** Compares two versions of a definition. Ignores texts that mean the same. */
export const diffIfChanged = async (before: Job, after: Job): Promise<DefinitionDiff> =>
  meaningOf(before) === meaningOf(after) ? { changed: false, lines: null } : diffVersions(before, after);

/** Compares two versions of a definition, and their texts also if they mean the same. */
export const diffVersions = async (before: Job, after: Job): Promise<DefinitionDiff> => {
  const changed = meaningOf(before) !== meaningOf(after);
  const [old, current] = [before.source.document?.text, after.source.document?.text];
  if (old === undefined || current === undefined || old === current) return { changed, lines: null };
  return { changed, lines: await diffTexts(old, current) };
};

/** Comments and the position in the file do not matter, nor does how a matrix was declared, which earlier petits did not store. */
const meaningOf = ({ source: _, ...job }: Job): string =>
  JSON.stringify({
    ...job,
    tasks: job.tasks.map(({ items, ...task }) => ({
      ...task,
      items: items && { ...items, source: combined(items.source) },
    })),
  });

const combined = (source: ItemSource): ItemSource =>
  source.kind === "matrix" ? { kind: "matrix", combinations: source.combinations } : source;

/** Returns the lines of a unified diff of two texts, or null if too much differs. Loads the library only here, because most requests don't need it. */
export const diffTexts = async (before: string, after: string): Promise<readonly string[] | null> => {
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", before, after, undefined, undefined, {
    context: 3,
    maxEditLength: MAX_CHANGED,
  });
  if (patch === undefined) return null;
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ]);
  return lines.slice(0, MAX_LINES);
};
