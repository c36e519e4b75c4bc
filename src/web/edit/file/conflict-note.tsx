import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Diff } from "../../ui/diff.tsx";
import { Time } from "../../ui/time/time.tsx";
import type { FileText } from "../job-files.ts";

type ConflictNoteProps = {
  /** The file as it is now; null if somebody has removed it. */
  readonly newest: FileText | null;
  /** What differs between the file and the text of the user; null while it is not known. */
  readonly lines: readonly string[] | null;
  readonly onTheirs: () => void;
  readonly onMine: () => void;
};

/** Says that somebody else has changed the file, and asks which text to go on with. */
export const ConflictNote = ({ newest, lines, onTheirs, onMine }: ConflictNoteProps) => {
  const [isShown, setShown] = useState(false);
  return (
    <div className="note note-failure edit-note" role="alert">
      <h2>
        {newest === null ? "Somebody has removed this file" : `${newest.by ?? "Somebody else"} has changed this file`}
      </h2>
      <p>
        {newest !== null && (
          <>
            It was written <Time at={newest.modified_at} />.{" "}
          </>
        )}
        Your text is not saved, and stays here until you choose.
      </p>
      <div className="row">
        {newest !== null && (
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
          {newest !== null ? "Use mine in place of theirs" : "Make it again from mine"}
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
