import { useState } from "react";
import { useStore } from "../data/external-store.ts";
import { tokenStore } from "../data/token-store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";

/** Asks for the token when petit refuses; there is nothing to see without. */
export const TokenDialog = () => {
  const { token, isRequired } = useStore(tokenStore);
  return isRequired ? <TokenForm wasRefused={token !== null} /> : null;
};

/** As petit takes them: another could not even be sent. */
const TOKEN = /^[\x21-\x7e]+$/;

const problemOf = (isUnfit: boolean, wasRefused: boolean): string | null => {
  if (isUnfit) return "A token has no blanks, and no characters beyond ASCII.";
  return wasRefused ? "petit refused that token." : null;
};

const TokenForm = ({ wasRefused }: { readonly wasRefused: boolean }) => {
  const [text, setText] = useState("");
  const [isUnfit, setUnfit] = useState(false);
  const problem = problemOf(isUnfit, wasRefused);
  return (
    <Dialog title="This petit wants a token" canClose={false} onClose={() => {}}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          const token = text.trim();
          setUnfit(token !== "" && !TOKEN.test(token));
          if (TOKEN.test(token)) tokenStore.save(token);
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
            It is in the file that petit was started with (<code>--token-file</code>). This tab keeps it until it is
            closed.
          </small>
        </div>
        <div className="dialog-actions">
          <Button kind="primary" type="submit">
            Continue
          </Button>
        </div>
      </form>
    </Dialog>
  );
};
