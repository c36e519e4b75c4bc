import type { Problem } from "../../jobfile/problem.ts";
import { textOfProblem } from "../../jobfile/problem.ts";
import { escapeUnprintable } from "../../lib/text.ts";
import { type Findings, pathWithin, type ReportPlace } from "./findings.ts";

/**
 * Returns a workflow command for each problem, which GitHub shows on the line of a pull request:
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
 */
export const githubReport = ({ problems, warnings }: Findings, { root }: ReportPlace): string =>
  [
    ...problems.map((problem) => command("error", placeOf(problem, root), textOfProblem(problem))),
    ...warnings.map((warning) => command("warning", {}, escapeUnprintable(warning))),
  ].join("");

/** A problem of the folder as a whole has no place. */
const placeOf = ({ file, line, column }: Problem, root: string): Readonly<Record<string, string>> =>
  file === "." ? {} : { file: pathWithin(root, file) ?? file, line: `${line}`, col: `${column}` };

const command = (kind: "error" | "warning", place: Readonly<Record<string, string>>, message: string): string => {
  const properties = Object.entries({ ...place, title: "petit validate" }).map(
    ([name, value]) => `${name}=${encoded(value).replaceAll(":", "%3A").replaceAll(",", "%2C")}`,
  );
  return `::${kind} ${properties.join(",")}::${encoded(message)}\n`;
};

const encoded = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
