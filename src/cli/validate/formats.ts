import type { Findings, ReportPlace } from "./findings.ts";
import { githubReport } from "./github.ts";
import { sarifReport } from "./sarif.ts";

/** The forms of a report for programs. `text`, for people, is not one of them. */
export const REPORTS = {
  json: ({ jobs, problems, isValid }) =>
    `${JSON.stringify({ valid: isValid, jobs: jobs.length, problems }, null, 2)}\n`,
  github: githubReport,
  sarif: sarifReport,
} as const satisfies Readonly<Record<string, (findings: Findings, place: ReportPlace) => string>>;

export type ReportFormat = keyof typeof REPORTS;
