import { whyUnfit } from "../../domain/params/param.ts";
import { whyNotPattern } from "../../domain/params/pattern.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

type ParamDraft = NonNullable<NonNullable<JobDraft["params"]>[string]>;

/** Checks that a param's pattern compiles and that its default is an allowed value. */
export const checkParams = ({ params }: JobDraft, report: Report): void => {
  for (const [name, param] of Object.entries(params ?? {})) {
    if (param !== undefined) checkParam(name, param, report);
  }
};

const checkParam = (name: string, param: ParamDraft, report: Report): void => {
  const pattern = readablePattern(name, param, report);
  if (param.default === undefined) return;
  const problem = whyUnfit(name, { enum: listed(param.enum), pattern }, param.default);
  if (problem !== null) report.addAt(["params", name, "default"], problem);
};

/** Returns the pattern, or null if there is none or it is invalid (which is reported). */
const readablePattern = (name: string, { pattern }: ParamDraft, report: Report): string | null => {
  const path = ["params", name, "pattern"];
  if (pattern === undefined || report.has(path)) return null;
  const problem = whyNotPattern(pattern);
  if (problem !== null) report.addAt(path, problem);
  return problem === null ? pattern : null;
};

const listed = (values: readonly (string | undefined)[] | undefined): readonly string[] | null =>
  values === undefined ? null : values.filter((value) => value !== undefined);
