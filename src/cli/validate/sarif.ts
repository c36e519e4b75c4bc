import { pathToFileURL } from "node:url";
import { type Problem, textOfProblem } from "../../jobfile/problem.ts";
import { type Findings, pathWithin, type ReportPlace } from "./findings.ts";

/** Returns a log of the Static Analysis Results Interchange Format 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html). */
export const sarifReport = ({ problems, warnings, isValid }: Findings, { root, version }: ReportPlace): string => {
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "petit", semanticVersion: version, rules: [RULE] } },
        originalUriBaseIds: { [ROOT]: { uri: `${pathToFileURL(root)}/` } },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: true,
            exitCode: isValid ? 0 : 1,
            toolExecutionNotifications: warnings.map((text) => ({ level: "warning", message: { text } })),
          },
        ],
        results: problems.map((problem) => ({
          ruleId: RULE.id,
          ruleIndex: 0,
          level: "error",
          message: { text: textOfProblem(problem) },
          locations: locationsOf(problem, root),
        })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
};

/** The problems have no codes: the message says what is wrong and what was expected. */
const RULE = { id: "job-file", shortDescription: { text: "A job file that petit does not accept" } } as const;

/** The name by which SARIF viewers know the root of the sources. */
const ROOT = "%SRCROOT%";

/** A problem of the folder as a whole has no place. */
const locationsOf = ({ file, line, column }: Problem, root: string): readonly object[] => {
  if (file === ".") return [];
  const within = pathWithin(root, file);
  const artifactLocation =
    within === null
      ? { uri: `${pathToFileURL(file)}` }
      : { uri: within.split("/").map(encodeURIComponent).join("/"), uriBaseId: ROOT };
  return [{ physicalLocation: { artifactLocation, region: { startLine: line, startColumn: column } } }];
};
