import { useQuery } from "@tanstack/react-query";
import { Suspense, useEffect, useRef, useState } from "react";
import { lazily } from "../../data/lazily.tsx";
import { noticeStore } from "../../data/notice-store.ts";
import { useShortcut } from "../../keyboard/shortcuts.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Loading } from "../../ui/states.tsx";
import type { EditorHandle } from "../editor/code-editor.tsx";
import { type CheckProblem, type FileText, jobSchemaQuery } from "../job-files.ts";
import { ConflictNote } from "./conflict-note.tsx";
import { type KeptDraft, keepDraft } from "./draft.ts";
import { EditorState } from "./editor-state.tsx";
import { LeaveDialog } from "./leave-dialog.tsx";
import { ProblemList } from "./problem-list.tsx";
import { canBeSaved, ReviewDialog } from "./review-dialog.tsx";
import { useCheck } from "./use-check.ts";
import { useEditorKeys } from "./use-editor-keys.ts";
import { useLeaving } from "./use-leaving.ts";
import { useProblemWalk } from "./use-problem-walk.ts";
import { isOfChangedFile, useSave } from "./use-save.ts";

/** The editor itself is large, and nothing else needs it. */
const { Component: CodeEditor } = lazily(async () => (await import("../editor/code-editor.tsx")).CodeEditor);

/** What a text was made from. */
export type Base = {
  /** Null for a new file. */
  readonly digest: string | null;
  /** Null if it is not known any more. */
  readonly text: string | null;
};

type FileEditorProps = {
  readonly path: string;
  /** The file as it is now; null if there is none. */
  readonly newest: FileText | null;
  /** Changes whenever the files were read again. */
  readonly version: number;
  /** The text that the editor begins with. Later ones are ignored. */
  readonly first: { readonly base: Base; readonly text: string; readonly aside: string | null };
};

/** Edits a job file: checks it while it is typed, and saves it after a review. */
export const FileEditor = ({ path, newest, version, first }: FileEditorProps) => {
  const [base, setBase] = useState(first.base);
  const [text, setText] = useState(first.text);
  /** The user's text while that of somebody else is in its place. */
  const [aside, setAside] = useState(first.aside);
  const [isReviewing, setReviewing] = useState(false);
  const editor = useRef<EditorHandle | null>(null);
  const replace = (next: string): void => {
    setText(next);
    editor.current?.replace(next);
  };
  const isUnsaved = text !== base.text;
  const check = useCheck({ path, text, base: base.digest }, version);
  const schema = useQuery(jobSchemaQuery()).data ?? null;
  const meanwhile = meanwhileOf({ base, text, newest });
  const save = useSave((saved) => {
    setBase(saved);
    setAside(null);
    setReviewing(false);
  });
  useEffect(() => {
    if (meanwhile !== "adoptable" || newest === null) return;
    setBase(newest);
    if (newest.text === text) return;
    setText(newest.text);
    editor.current?.follow(newest.text);
    noticeStore.show({ text: `${path} has changed; this is its new text` });
  }, [meanwhile, newest, text, path]);
  const isKept = useDraft(path, isUnsaved || aside !== null ? { text, base: base.digest, aside } : null);
  const problems = check.answer?.problems ?? NONE;
  const walk = useProblemWalk({ problems: problems.filter(({ file }) => file === path), editor });
  const review = (): void => {
    if (isUnsaved) setReviewing(true);
    else noticeStore.show({ text: "There is nothing to save" });
  };
  const reviewed = check.isFresh ? check.answer : null;
  const saveNow = (): void => {
    if (reviewed !== null && canBeSaved(reviewed) && !save.isPending)
      save.mutate(
        { draft: { path, text, base: base.digest }, check: reviewed },
        { onError: (error) => isOfChangedFile(error) && setReviewing(false) },
      );
  };
  useEditorKeys({ isReviewing, onSave: isReviewing ? saveNow : review, onStep: walk.step });
  useShortcut({ key: "Ctrl S", what: "Review the changes, then save them", run: review });
  const leaving = useLeaving(isUnsaved);
  return (
    <Page
      title={path}
      lead={
        <EditorState
          isNew={base.digest === null}
          isUnsaved={isUnsaved}
          isRemoved={meanwhile === "removed"}
          problems={check.answer?.problems ?? null}
          error={check.error}
        />
      }
      actions={
        <>
          {isUnsaved && base.text !== null && base.digest !== null && (
            <Button kind="quiet" isOnce onClick={() => replace(base.text ?? "")}>
              Discard changes
            </Button>
          )}
          <Button kind="primary" isOnce isBusy={!isUnsaved} onClick={review}>
            Review changes
          </Button>
        </>
      }
    >
      {(meanwhile === "changed" || meanwhile === "removed") && (
        <ConflictNote
          newest={newest}
          lines={check.answer?.changed_meanwhile === true ? check.answer.text_diff : null}
          onTheirs={() => {
            if (newest === null) return;
            setAside(text);
            setBase(newest);
            replace(newest.text);
            editor.current?.focus();
          }}
          onMine={() => {
            setBase(newest ?? { digest: null, text: "" });
            save.reset();
            setReviewing(true);
          }}
        />
      )}
      {!isKept && (
        <p className="note note-failure edit-note" role="alert">
          This tab can’t keep this text: it is lost if you leave the page or load it again before you save.
        </p>
      )}
      {aside !== null && (
        <div className="note edit-note" role="status">
          <p>Your own text is kept beside this one.</p>
          <div className="row">
            <Button
              onClick={() => {
                replace(aside);
                setAside(null);
              }}
            >
              Bring mine back
            </Button>
            <Button kind="quiet" onClick={() => setAside(null)}>
              Drop mine
            </Button>
          </div>
        </div>
      )}
      <div className="edit-main">
        <Suspense fallback={<Loading what="the editor" />}>
          <CodeEditor
            handle={editor}
            text={text}
            label={`Text of ${path}. Escape and then Tab leaves it.`}
            problems={walk.own}
            schema={schema}
            onChange={setText}
          />
        </Suspense>
        <p className="muted edit-keys">
          <kbd className="key">Ctrl</kbd> <kbd className="key">Space</kbd> offers fields and values,{" "}
          <kbd className="key">F8</kbd> goes to the next problem, <kbd className="key">Ctrl</kbd>{" "}
          <kbd className="key">S</kbd> reviews and saves. <kbd className="key">Esc</kbd> and then{" "}
          <kbd className="key">Tab</kbd> leaves the text.
        </p>
        {problems.length > 0 && <ProblemList path={path} problems={problems} current={walk.current} onGo={walk.go} />}
        <p className="visually-hidden" role="status">
          {walk.current?.message}
        </p>
      </div>
      {isReviewing && (
        <ReviewDialog
          path={path}
          check={reviewed}
          error={check.error ?? (isOfChangedFile(save.error) ? null : save.error)}
          isSaving={save.isPending}
          onSave={saveNow}
          onGo={(problem) => {
            setReviewing(false);
            // The dialog gives the focus back when it is closed.
            requestAnimationFrame(() => walk.go(problem));
          }}
          onClose={() => {
            setReviewing(false);
            save.reset();
          }}
        />
      )}
      {leaving.leave !== null && (
        <LeaveDialog
          path={path}
          isKept={isKept}
          onStay={leaving.stay}
          onLeave={leaving.leave}
          onDiscard={() => {
            keepDraft(path, null);
            leaving.leave?.();
          }}
        />
      )}
    </Page>
  );
};

/** Keeps the text that is not saved. Returns false if it can't be kept. */
const useDraft = (path: string, draft: KeptDraft | null): boolean => {
  const [isKept, setKept] = useState(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the draft is made anew for each render.
  useEffect(() => setKept(keepDraft(path, draft)), [path, draft?.text, draft?.base, draft?.aside]);
  return isKept;
};

const NONE: readonly CheckProblem[] = [];

type Texts = { readonly base: Base; readonly text: string; readonly newest: FileText | null };

/**
 * Returns what somebody else did to the file: `adoptable` if nothing of the user would be lost with the new text, or if the user's text is
 * the new one.
 */
const meanwhileOf = ({ base, text, newest }: Texts): "nothing" | "adoptable" | "changed" | "removed" => {
  if ((newest?.digest ?? null) === base.digest) return "nothing";
  if (newest === null) return "removed";
  return text === base.text || text === newest.text ? "adoptable" : "changed";
};
