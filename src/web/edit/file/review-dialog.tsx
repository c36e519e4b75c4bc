import { isUnreachable } from "../../../client/error.ts";
import { jobsDiffText } from "../../../domain/words/versions/jobs-diff.ts";
import { Button } from "../../ui/button.tsx";
import { Diff } from "../../ui/diff.tsx";
import { JobChanges } from "../../ui/job-changes.tsx";
import { Dialog } from "../../ui/overlay/dialog.tsx";
import { failureText, Loading } from "../../ui/states.tsx";
import { capital } from "../../ui/text/format.ts";
import type { CheckData, CheckProblem } from "../job-files.ts";
import { ProblemList } from "./problem-list.tsx";

type ReviewDialogProps = {
  readonly path: string;
  /** What the text would mean; null while it is checked. */
  readonly check: CheckData | null;
  /** Why the text could not be checked or saved; null if it could. */
  readonly error: unknown;
  readonly isSaving: boolean;
  readonly onSave: () => void;
  readonly onGo: (problem: CheckProblem) => void;
  readonly onClose: () => void;
};

/** Shows what a text would change, before it is saved. */
export const ReviewDialog = ({ path, check, error, isSaving, onSave, onGo, onClose }: ReviewDialogProps) => {
  const canSave = check !== null && canBeSaved(check) && !check.unchanged;
  return (
    <Dialog title={`Changes of ${path}`} isWide onClose={onClose}>
      {error !== null && !(check?.unchanged === true && isUnreachable(error)) && (
        <p className="edit-wrong" role="alert">
          {isUnreachable(error)
            ? "petit does not answer. This says so as soon as the text is saved."
            : failureText(error)}
        </p>
      )}
      {check === null ? (
        error === null && <Loading what="what this changes" />
      ) : (
        <Changes path={path} check={check} onGo={onGo} />
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Back to the text</Button>
        <Button isOnce kind="primary" isBusy={isSaving || !canSave} onClick={onSave} data-save>
          Save
        </Button>
      </div>
    </Dialog>
  );
};

/** Returns whether nothing refuses a text: problems that other files had before don't. */
export const canBeSaved = (check: CheckData): boolean => errorsOf(check).length === 0;

const errorsOf = ({ problems }: CheckData): readonly CheckProblem[] =>
  problems.filter(({ severity }) => severity === "error");

type ChangesProps = Pick<ReviewDialogProps, "path" | "onGo"> & { readonly check: CheckData };

const Changes = ({ path, check, onGo }: ChangesProps) => {
  const { diff, text_diff, is_new, unchanged } = check;
  return (
    <>
      {!canBeSaved(check) && (
        <section>
          <h3>It can’t be saved with these problems</h3>
          <ProblemList path={path} problems={errorsOf(check)} current={null} onGo={onGo} />
        </section>
      )}
      {unchanged && <p role="status">The file has this text: it is saved.</p>}
      {diff !== null && !unchanged && (
        <section>
          <h3>
            {isEmpty(diff)
              ? "No job changes: only comments or the layout differ"
              : capital(jobsDiffText({ ...diff, problems: [] }))}
          </h3>
          <JobChanges diff={diff} />
        </section>
      )}
      {text_diff !== null && (
        <section>
          <h3>Text</h3>
          <Diff lines={text_diff} label={`Changes of the text of ${path}`} />
        </section>
      )}
      {is_new && <p className="muted">This is a new file.</p>}
      {text_diff === null && !is_new && !unchanged && (
        <p className="muted">The texts differ too much to compare them.</p>
      )}
    </>
  );
};

const isEmpty = ({ added, removed, changed }: NonNullable<CheckData["diff"]>): boolean =>
  added.length + removed.length + changed.length === 0;
