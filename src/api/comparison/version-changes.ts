import type { Job } from "../../domain/job.ts";
import { diffDefinitions, pathText, valueAt } from "../../domain/versions/diff.ts";
import { jobFields } from "../../domain/versions/job-fields.ts";
import { maskSecrets } from "../../jobfile/possible-secrets.ts";
import type { Json } from "../../lib/json.ts";
import { assertNever } from "../../lib/never.ts";
import { diffTexts } from "./definition-diff.ts";

export const CHANGE_KINDS = ["added", "removed", "changed"] as const;

/** A field that differs between two definitions, with possible secrets hidden. */
export type ShownChange = {
  readonly path: string;
  readonly kind: (typeof CHANGE_KINDS)[number];
  /** Null if it was added. */
  readonly before: Json;
  /** Null if it was removed. */
  readonly after: Json;
  /** Lines of a unified diff, if both are texts of several lines. */
  readonly diff: readonly string[] | null;
};

/** Returns what differs between two definitions. A secret that differs is a change, too, but its values are hidden. */
export const shownChanges = async (before: Job, after: Job): Promise<readonly ShownChange[]> => {
  const fields = { before: jobFields(before), after: jobFields(after) };
  const shown = { before: shownFields(before), after: shownFields(after) };
  const changes: ShownChange[] = [];
  for (const change of diffDefinitions(before, after)) {
    const path = pathText(change.path);
    const [old, current] = [
      valueAt(shown.before, change.path, fields.before) ?? null,
      valueAt(shown.after, change.path, fields.after) ?? null,
    ];
    switch (change.kind) {
      case "added":
        changes.push({ path, kind: "added", before: null, after: current, diff: null });
        break;
      case "removed":
        changes.push({ path, kind: "removed", before: old, after: null, diff: null });
        break;
      case "changed":
        changes.push({ path, kind: "changed", before: old, after: current, diff: await diffOf(old, current) });
        break;
      case "reordered":
        changes.push({ path, kind: "changed", before: change.before, after: change.after, diff: null });
        break;
      default:
        assertNever(change);
    }
  }
  return changes;
};

/** Returns the fields of a definition under their names in job files, with possible secrets hidden. */
export const shownFields = (job: Job) => maskSecrets(jobFields(job), "");

const diffOf = async (before: Json, after: Json): Promise<readonly string[] | null> => {
  if (typeof before !== "string" || typeof after !== "string" || before === after) return null;
  return `${before}${after}`.trimEnd().includes("\n") ? await diffTexts(before, after) : null;
};
