import { isUnreachable } from "../../../client/error.ts";
import { failureText } from "../../ui/states.tsx";
import { counted } from "../../ui/text/format.ts";
import type { CheckProblem } from "../job-files.ts";

type EditorStateProps = {
  readonly isNew: boolean;
  readonly isUnsaved: boolean;
  /** True if somebody has removed the file. */
  readonly isRemoved: boolean;
  /** Of the newest check; null before the first. */
  readonly problems: readonly CheckProblem[] | null;
  /** Why the text could not be checked; null if it could. */
  readonly error: unknown;
};

/** Says whether a text is saved, and how many problems it has. */
export const EditorState = ({ isNew, isUnsaved, isRemoved, problems, error }: EditorStateProps) => (
  <span className="row edit-state" role="status">
    <span className="tag">
      {isRemoved ? "Removed" : isNew ? "New, not saved" : isUnsaved ? "Unsaved changes" : "Saved"}
    </span>
    {error !== null ? (
      <strong className="edit-wrong">
        {isUnreachable(error)
          ? "petit does not answer. The text stays here, and is checked when petit is back."
          : failureText(error)}
      </strong>
    ) : (
      problems !== null && <Count problems={problems} />
    )}
  </span>
);

const Count = ({ problems }: { readonly problems: readonly CheckProblem[] }) => {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors > 0) return <strong className="edit-wrong">{counted(errors, "problem")}</strong>;
  if (problems.length === 0) return <span>No problems</span>;
  return <span>No problems; other files have {problems.length.toLocaleString()}</span>;
};
