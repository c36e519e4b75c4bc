import { useState } from "react";
import { ClientError } from "../../../client/error.ts";
import { Button } from "../../ui/button.tsx";
import { Diff } from "../../ui/diff.tsx";
import { Time } from "../../ui/time/time.tsx";

/** Who changed a file, and when, as far as petit knows. */
export type FileChange = {
  /** Digest of the file after the change; null if it was removed. */
  readonly digest: string | null;
  readonly by: string | null;
  readonly modifiedAt: number | null;
};

/** Returns who changed the file, if that is why it was not saved; otherwise null. */
export const changeOf = (error: unknown): FileChange | null => {
  if (!(error instanceof ClientError) || error.failure.kind !== "refused") return null;
  const { details } = error.failure;
  if (details?.reason !== "file_changed") return null;
  return { digest: details.digest, by: details.by, modifiedAt: details.modified_at };
};

type ConflictNoteProps = {
  readonly kind: "changed" | "removed";
  readonly change: FileChange | null;
  /** What differs between the file and the text of the user; null while it is not known. */
  readonly lines: readonly string[] | null;
  readonly onTheirs: () => void;
  readonly onMine: () => void;
};

/** Says that somebody else has changed the file, and asks which text to go on with. */
export const ConflictNote = ({ kind, change, lines, onTheirs, onMine }: ConflictNoteProps) => {
  const [isShown, setShown] = useState(false);
  return (
    <div className="note note-failure edit-note" role="alert">
      <h2>
        {kind === "changed" ? "Somebody else has changed this file" : "Somebody else has removed this file"}
        {change?.by != null && ` (${change.by})`}
      </h2>
      <p>
        {change?.modifiedAt != null && (
          <>
            It was written <Time at={change.modifiedAt} />.{" "}
          </>
        )}
        Your text is not saved, and stays here until you choose.
      </p>
      <div className="row">
        {kind === "changed" && (
          <>
            <Button aria-expanded={isShown} onClick={() => setShown(!isShown)}>
              {isShown ? "Hide what differs" : "Show what differs"}
            </Button>
            <Button isOnce onClick={onTheirs}>
              Load theirs
            </Button>
          </>
        )}
        <Button isOnce onClick={onMine}>
          {kind === "changed" ? "Use mine in place of theirs" : "Make it again from mine"}
        </Button>
      </div>
      {isShown &&
        (lines === null ? (
          <p className="muted">The texts are being compared, or differ too much.</p>
        ) : (
          <Diff lines={lines} label="Theirs (−) and yours (+)" />
        ))}
    </div>
  );
};
