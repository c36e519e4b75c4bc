import { Link } from "wouter";
import { editPath } from "../../ui/links.tsx";
import type { CheckProblem } from "../job-files.ts";

type ProblemListProps = {
  /** Path of the file in the editor. */
  readonly path: string;
  readonly problems: readonly CheckProblem[];
  /** The problem that the cursor was moved to last. */
  readonly current: CheckProblem | null;
  readonly onGo: (problem: CheckProblem) => void;
};

/** Lists problems. Those of the file lead to their positions, and those of other files to them. */
export const ProblemList = ({ path, problems, current, onGo }: ProblemListProps) => (
  <ol className="edit-problems" aria-label="Problems">
    {problems.map((problem, index) => (
      <li
        // biome-ignore lint/suspicious/noArrayIndexKey: two problems may be the same.
        key={`${index} ${keyOf(problem)}`}
        data-severity={problem.severity}
        aria-current={problem === current || undefined}
      >
        {problem.file === path ? (
          <button type="button" className="link mono" onClick={() => onGo(problem)}>
            {problem.line}:{problem.column}
          </button>
        ) : (
          <Link href={editPath(problem.file)} className="mono">
            {problem.file}:{problem.line}:{problem.column}
          </Link>
        )}{" "}
        {problem.path !== "" && <code>{problem.path}: </code>}
        {problem.message}
        {problem.severity === "warning" && <span className="muted"> (was there before)</span>}
      </li>
    ))}
  </ol>
);

const keyOf = ({ file, line, column, path, message }: CheckProblem): string =>
  `${file}:${line}:${column}:${path}:${message}`;
