import { type FormEvent, type ReactNode, useId, useRef, useState } from "react";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import { useChangeRepository } from "../data/actions.ts";
import type { SystemData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { QuestionForm } from "../ui/overlay/question-form.tsx";
import { failureText } from "../ui/states.tsx";
import { type AnyStatus, StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { counted } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";
import { Commit, CommitProblems } from "./commit.tsx";
import { CommitComparison } from "./commit-comparison.tsx";

type RepositoryData = NonNullable<SystemData["job_repository"]>;

type Props = { readonly repository: RepositoryData };

/** Shows which commit of the repository the jobs are from, and what is wrong with a newer one; fetches, and chooses a commit. */
export const JobRepository = ({ repository }: Props) => {
  const { url, ref, path, commit, head, pinned, refused, failure, checked_at } = repository;
  // What is compared, if anything is: null for what petit would take next.
  const [compared, setCompared] = useState<{ readonly ref: string | null } | null>(null);
  // Set while the dialog asks for the commit to use.
  const [asked, setAsked] = useState<{ readonly commit: string } | null>(null);
  const compare = (ref: string | null): void => setCompared({ ref });
  return (
    <section id="job-files" className="card system-part" style={statusStyle(statusOf(repository))}>
      <h2>
        <StatusIcon of={statusOf(repository)} /> Job files
      </h2>
      {failure !== null && <Failing failure={failure} hasCommit={commit !== null} />}
      {refused !== null && <Refused refused={refused} inUse={commit} />}
      <dl className="facts">
        <Fact name="Repository">
          <code>{url}</code>
        </Fact>
        <Fact name="Branch or tag">
          <code>{ref}</code>
        </Fact>
        <Fact name="Folder">{path === "." ? "the root" : <code>{path}</code>}</Fact>
        <Fact name="In use">{commit === null ? "Nothing yet" : <Commit commit={commit} />}</Fact>
        {pinned !== null && (
          <Fact name="Chosen">
            <code title={pinned}>{shortCommit(pinned)}</code>, which stays until somebody follows the newest one
          </Fact>
        )}
        <Fact name="Newest">
          {head === null ? (
            "not fetched since the start"
          ) : head.id === commit?.id ? (
            "the one in use"
          ) : (
            <Commit commit={head} />
          )}
        </Fact>
        <Fact name="Fetched">{checked_at === null ? "not since the start" : <Time at={checked_at} />}</Fact>
      </dl>
      <Actions
        isPinned={pinned !== null}
        isComparing={compared !== null}
        onCompare={() => setCompared(compared === null ? { ref: null } : null)}
        onChoose={() => setAsked({ commit: "" })}
      />
      {compared !== null && (
        <CommitComparison compared={compared.ref} onCompare={compare} onUse={(id) => setAsked({ commit: id })} />
      )}
      {asked !== null && (
        <CommitDialog
          given={asked.commit}
          onCompare={(ref) => {
            setAsked(null);
            compare(ref);
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </section>
  );
};

const statusOf = ({ commit, refused, failure }: RepositoryData): AnyStatus =>
  refused !== null || failure !== null ? "missed" : commit === null ? "pending" : "completed";

type FailingProps = { readonly failure: NonNullable<RepositoryData["failure"]>; readonly hasCommit: boolean };

const Failing = ({ failure: { error, since }, hasCommit }: FailingProps) => (
  <div className="note note-failure">
    <h3>
      The repository can’t be read since <Time at={since} />
    </h3>
    <p className="system-long">{error}</p>
    <p>{hasCommit ? "The commit in use stays" : "There are no jobs until it can"}; petit tries again.</p>
  </div>
);

type RefusedProps = {
  readonly refused: NonNullable<RepositoryData["refused"]>;
  readonly inUse: RepositoryData["commit"];
};

const Refused = ({ refused: { commit, problems }, inUse }: RefusedProps) => (
  <div className="note note-failure">
    <h3>
      Commit <code title={commit.id}>{shortCommit(commit.id)}</code> by {commit.author} is refused:{" "}
      {counted(problems.length, "problem")}
    </h3>
    <p className="system-long">
      {commit.subject}, <Time at={commit.committed_at} />
    </p>
    <CommitProblems problems={problems} />
    <p>
      Push a commit that mends {problems.length === 1 ? "it" : "them"}.{" "}
      {inUse === null ? "There are no jobs until then." : `Until then ${shortCommit(inUse.id)} stays in use.`}
    </p>
  </div>
);

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

type ActionsProps = {
  readonly isPinned: boolean;
  /** Whether a commit is compared. */
  readonly isComparing: boolean;
  readonly onCompare: () => void;
  readonly onChoose: () => void;
};

const Actions = ({ isPinned, isComparing, onCompare, onChoose }: ActionsProps) => {
  const { mutate, isPending } = useChangeRepository();
  return (
    <div className="row">
      <ActionButton needs="admin" isOnce isBusy={isPending} onClick={() => mutate({ kind: "sync" })}>
        Fetch now
      </ActionButton>
      <Button isOnce aria-expanded={isComparing} onClick={onCompare}>
        Compare a commit…
      </Button>
      <ActionButton needs="admin" isOnce onClick={onChoose}>
        Use another commit…
      </ActionButton>
      {isPinned && (
        <ActionButton needs="admin" isOnce kind="primary" isBusy={isPending} onClick={() => mutate({ kind: "follow" })}>
          Follow the newest
        </ActionButton>
      )}
    </div>
  );
};

type CommitDialogProps = {
  /** What is in the field at first. */
  readonly given: string;
  readonly onCompare: (commit: string | null) => void;
  readonly onClose: () => void;
};

/** Asks for a commit, and uses it. */
const CommitDialog = ({ given, onCompare, onClose }: CommitDialogProps) => {
  const { mutate, isPending } = useChangeRepository({ isFailureShown: true });
  const [commit, setCommit] = useState(given);
  const [problem, setProblem] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const ids = { field: useId(), problem: useId() };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setProblem(null);
    mutate(
      { kind: "pin", commit: commit.trim() },
      {
        onSuccess: onClose,
        onError: (error) => {
          setProblem(failureText(error));
          field.current?.focus();
        },
      },
    );
  };
  return (
    <Dialog title="Use another commit" onClose={onClose}>
      <QuestionForm form={form} onSubmit={submit}>
        <p className="muted">
          All jobs become those of this commit, and stay so until somebody follows the newest one again. Runs that have
          begun keep their commit. If anything is wrong with it, nothing changes.
        </p>
        <div className="field">
          <label htmlFor={ids.field}>Commit</label>
          <input
            id={ids.field}
            ref={field}
            className="mono"
            value={commit}
            maxLength={64}
            placeholder="3f9a1c20"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={problem !== null || undefined}
            aria-describedby={ids.problem}
            onChange={({ target }) => {
              setCommit(target.value);
              setProblem(null);
            }}
          />
          <small
            id={ids.problem}
            className={problem === null ? undefined : "wrong"}
            role={problem === null ? undefined : "alert"}
          >
            {problem ?? "Its id, or 4 or more digits from the beginning of it"}
          </small>
        </div>
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button onClick={() => onCompare(commit.trim() === "" ? null : commit.trim())}>Show what it changes</Button>
          <Button isOnce kind="primary" type="submit" isBusy={isPending}>
            Use this commit
          </Button>
        </div>
      </QuestionForm>
    </Dialog>
  );
};
