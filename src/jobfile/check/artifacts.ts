import { whyNotArtifactPattern } from "../../domain/artifact/pattern.ts";
import { shorten } from "../../lib/text.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

/** Checks that the task has files on this machine, and that the patterns of `artifacts` stay below the working directory. */
export const checkArtifacts = ({ tasks = [] }: JobDraft, report: Report): void => {
  for (const [index, task] of tasks.entries()) {
    if (task?.type === "ssh" && (task.artifacts ?? []).length > 0)
      report.addAt(
        ["tasks", index, "artifacts"],
        "has no effect here; the files of an ssh task are on another machine",
      );
    for (const [position, pattern] of (task?.artifacts ?? []).entries()) {
      const path = ["tasks", index, "artifacts", position];
      const problem = pattern === undefined || report.has(path) ? null : whyNotArtifactPattern(pattern);
      if (problem !== null) report.addAt(path, `'${shorten(pattern ?? "")}' ${problem}`);
    }
  }
};
