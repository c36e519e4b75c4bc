import { type FormEvent, useId, useRef, useState } from "react";
import { ROLES, type Role } from "../../domain/people/role.ts";
import { TOKEN_NAME, TOKEN_NAME_FORM } from "../../domain/people/token.ts";
import { ROLE_TEXT } from "../../domain/words/people/person.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { QuestionForm } from "../ui/overlay/question-form.tsx";
import { failureText } from "../ui/states.tsx";
import { capital } from "../ui/text/format.ts";
import { type TokenOnce, useCreateToken, useNeedsToken } from "./token-data.ts";

const DAY_MS = 86_400_000;

/** The lifetimes that are offered, by their label; null for a token that does not expire. */
const LIFETIMES = new Map<string, number | null>([
  ["after 7 days", 7 * DAY_MS],
  ["after 30 days", 30 * DAY_MS],
  ["after 90 days", 90 * DAY_MS],
  ["after a year", 365 * DAY_MS],
  ["never", null],
]);

type CreateTokenProps = { readonly onCreated: (token: TokenOnce) => void; readonly onClose: () => void };

/** Asks what the new token is for, and creates it. */
export const CreateToken = ({ onCreated, onClose }: CreateTokenProps) => {
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const isFirst = !useNeedsToken();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(isFirst ? "admin" : "viewer");
  const [lifetime, setLifetime] = useState("after 90 days");
  const [limits, setLimits] = useState({ jobs: "", tags: "" });
  const [problem, setProblem] = useState<string | null>(null);
  const { mutate, isPending } = useCreateToken();
  const isNameWrong = problem !== null && !TOKEN_NAME.test(name);
  const isLimited = entriesOf(limits.jobs).length + entriesOf(limits.tags).length > 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    if (!TOKEN_NAME.test(name)) {
      setProblem(name === "" ? "A name is required." : `The name must be ${TOKEN_NAME_FORM}.`);
      form.current?.querySelector("input")?.focus();
      return;
    }
    mutate(
      {
        name,
        role,
        lifetimeMs: LIFETIMES.get(lifetime) ?? null,
        jobs: entriesOf(limits.jobs),
        tags: entriesOf(limits.tags),
      },
      { onSuccess: onCreated, onError: (error) => setProblem(failureText(error)) },
    );
  };
  const limit = (field: keyof typeof limits, label: string, note: string) => (
    <div className="field">
      <label htmlFor={`${id}-${field}`}>{label}</label>
      <input
        id={`${id}-${field}`}
        className="mono"
        value={limits[field]}
        placeholder="all"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-describedby={`${id}-${field}-note`}
        onChange={({ target }) => {
          setProblem(null);
          setLimits((now) => ({ ...now, [field]: target.value }));
        }}
      />
      <small id={`${id}-${field}-note`}>{note}</small>
    </div>
  );
  return (
    <Dialog title="Create a token" onClose={onClose}>
      <QuestionForm form={form} onSubmit={submit}>
        {isFirst && <FirstWarning role={role} isLimited={isLimited} />}
        <div className="field">
          <label htmlFor={`${id}-name`}>Name</label>
          <input
            id={`${id}-name`}
            value={name}
            maxLength={64}
            required
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={isNameWrong || undefined}
            aria-describedby={`${id}-note`}
            onChange={({ target }) => {
              setProblem(null);
              setName(target.value.trim());
            }}
          />
          <small
            id={`${id}-note`}
            className={isNameWrong ? "wrong" : undefined}
            role={isNameWrong ? "alert" : undefined}
          >
            {(isNameWrong ? problem : null) ?? "Whose it is, or what for. Runs and the audit log say it."}
          </small>
        </div>
        <fieldset className="tokens-roles">
          <legend>Role</legend>
          {ROLES.map((each) => (
            <label key={each}>
              <input
                type="radio"
                name={`${id}-role`}
                value={each}
                checked={role === each}
                onChange={() => setRole(each)}
              />
              <span>
                {capital(each)} <small className="muted">{ROLE_TEXT[each]}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {limit("jobs", "Only jobs", "Ids or patterns such as etl_*, separated by commas. Others are not there for it.")}
        {limit("tags", "Only jobs with a tag", "Tags, separated by commas. With jobs above, both must hold.")}
        {isLimited && role === "admin" && (
          <p className="muted">An admin who is limited to some jobs can’t change what concerns all of petit.</p>
        )}
        <div className="field">
          <label htmlFor={`${id}-lifetime`}>Expires</label>
          <select id={`${id}-lifetime`} value={lifetime} onChange={({ target }) => setLifetime(target.value)}>
            {[...LIFETIMES.keys()].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
        {problem !== null && !isNameWrong && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button isOnce kind="primary" type="submit" isBusy={isPending}>
            Create token
          </Button>
        </div>
      </QuestionForm>
    </Dialog>
  );
};

const ROLE_WORDS = { viewer: "a viewer", operator: "an operator", admin: "an admin" } as const satisfies Record<
  Role,
  string
>;

/** Returns what is between commas. */
const entriesOf = (text: string): readonly string[] =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");

/** Said before petit begins to require a token. */
const FirstWarning = ({ role, isLimited }: { readonly role: Role; readonly isLimited: boolean }) => (
  <div className="note">
    <h2>This is the first token</h2>
    <p>
      From now on petit requires a token of everybody: of people, of scripts, and of this page, which logs in with it at
      once. Keep it: you will need it to log in again.
    </p>
    {(role !== "admin" || isLimited) && (
      <p>
        <strong>You will be {ROLE_WORDS[role]}</strong>
        {isLimited && ", limited to some jobs"}, and nobody will be an admin of all of petit. Then only{" "}
        <code>petit tokens create</code> on the machine of petit can create one.
      </p>
    )}
  </div>
);
