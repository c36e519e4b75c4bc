import { useState } from "react";
import { useStore } from "../data/external-store.ts";
import { type LoginResult, logIn } from "../data/session.ts";
import { sessionStore } from "../data/session-store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { ProviderLogin } from "./provider-login.tsx";

/** Asks for a login when petit refuses a request. The page is useless without it. */
export const LoginDialog = () => {
  const { isRequired, ways } = useStore(sessionStore);
  if (!isRequired) return null;
  return (
    <Dialog
      title={ways === null ? "This petit requires a token" : "Log in to petit"}
      canClose={false}
      onClose={() => {}}
    >
      {ways !== null && <ProviderLogin ways={ways} />}
      {(ways === null || ways.token) && <TokenForm />}
    </Dialog>
  );
};

/** The characters that petit accepts: others can't be sent in a header. */
const TOKEN = /^[\x21-\x7e]+$/;

const PROBLEMS: Readonly<Record<LoginResult, string | null>> = {
  ok: null,
  wrong_token: "petit refused that token.",
  no_cookie: "petit accepted the token, but the browser did not keep the session. Allow cookies for this page.",
};

const TokenForm = () => {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    const token = text.trim();
    if (token === "") return;
    if (!TOKEN.test(token)) return setProblem("A token contains no spaces and only ASCII characters.");
    setBusy(true);
    setProblem(await logIn(token).then((result) => PROBLEMS[result], failureText));
    setBusy(false);
  };
  return (
    <form
      className="dialog-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="field">
        <label htmlFor="token">Token</label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-describedby="token-note"
          aria-invalid={problem !== null || undefined}
        />
        {problem !== null && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <small id="token-note">
          Yours from <code>petit tokens</code>, or one of the file that <code>--token-file</code> names. You stay logged
          in for 30 days, in all tabs.
        </small>
      </div>
      <div className="dialog-actions">
        <Button kind="primary" type="submit" isBusy={isBusy}>
          Continue
        </Button>
      </div>
    </form>
  );
};
