import { type FormEvent, useId, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { QuestionForm } from "../ui/overlay/question-form.tsx";
import { failureText } from "../ui/states.tsx";
import { type TokenData, type TokenOnce, useIsOwn, useRotateToken } from "./token-data.ts";

const HOUR_MS = 3_600_000;

/** How long the present token can stay valid, by the label. */
const GRACES = new Map<string, number>([
  ["no longer", 0],
  ["for an hour", HOUR_MS],
  ["for a day", 24 * HOUR_MS],
  ["for 7 days", 7 * 24 * HOUR_MS],
  ["for 30 days", 30 * 24 * HOUR_MS],
]);

type RotateTokenProps = {
  readonly token: TokenData;
  readonly onCreated: (token: TokenOnce) => void;
  readonly onClose: () => void;
};

/** Asks how long both tokens are to be valid, and creates the new one. */
export const RotateToken = ({ token: { name, role }, onCreated, onClose }: RotateTokenProps) => {
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const isOwn = useIsOwn()(name);
  const [grace, setGrace] = useState("for an hour");
  const [problem, setProblem] = useState<string | null>(null);
  const { mutate, isPending } = useRotateToken();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    mutate(
      { name, graceMs: GRACES.get(grace) ?? HOUR_MS },
      { onSuccess: onCreated, onError: (error) => setProblem(failureText(error)) },
    );
  };
  return (
    <Dialog title={`Rotate ${name}?`} onClose={onClose}>
      <QuestionForm form={form} onSubmit={submit}>
        <p>
          petit creates a new token {name} with the role {role} and the same lifetime.
          {isOwn && " This browser logs in with it."}
        </p>
        <div className="field">
          <label htmlFor={`${id}-grace`}>The present one is valid</label>
          <select id={`${id}-grace`} value={grace} onChange={({ target }) => setGrace(target.value)}>
            {[...GRACES.keys()].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
          <small>Time to give the new one to everything that uses it.</small>
        </div>
        {problem !== null && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button isOnce kind="primary" type="submit" isBusy={isPending}>
            Rotate token
          </Button>
        </div>
      </QuestionForm>
    </Dialog>
  );
};
