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
  const [problem, setProblem] = useState<string | null>(null);
  const { mutate, isPending } = useCreateToken();
  const isWrong = problem !== null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    if (!TOKEN_NAME.test(name)) {
      setProblem(name === "" ? "A name is required." : `The name must be ${TOKEN_NAME_FORM}.`);
      form.current?.querySelector("input")?.focus();
      return;
    }
    mutate(
      { name, role, lifetimeMs: LIFETIMES.get(lifetime) ?? null },
      { onSuccess: onCreated, onError: (error) => setProblem(failureText(error)) },
    );
  };
  return (
    <Dialog title="Create a token" onClose={onClose}>
      <QuestionForm form={form} onSubmit={submit}>
        {isFirst && <FirstWarning role={role} />}
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
            aria-invalid={isWrong || undefined}
            aria-describedby={`${id}-note`}
            onChange={({ target }) => {
              setProblem(null);
              setName(target.value.trim());
            }}
          />
          <small id={`${id}-note`} className={isWrong ? "wrong" : undefined} role={isWrong ? "alert" : undefined}>
            {problem ?? "Whose it is, or what for. Runs and the audit log say it."}
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
        <div className="field">
          <label htmlFor={`${id}-lifetime`}>Expires</label>
          <select id={`${id}-lifetime`} value={lifetime} onChange={({ target }) => setLifetime(target.value)}>
            {[...LIFETIMES.keys()].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
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

/** Said before petit begins to require a token. */
const FirstWarning = ({ role }: { readonly role: Role }) => (
  <div className="note">
    <h2>This is the first token</h2>
    <p>
      From now on petit requires a token of everybody: of people, of scripts, and of this page, which logs in with it at
      once. Keep it: you will need it to log in again.
    </p>
    {role !== "admin" && (
      <p>
        <strong>You will be {role === "operator" ? "an operator" : "a viewer"}</strong>, and nobody will be an admin.
        Then only <code>petit tokens create</code> on the machine of petit can create one.
      </p>
    )}
  </div>
);
