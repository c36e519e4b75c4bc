import { useState } from "react";
import { keepToken, useTokenState } from "../data/token.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

/** Asks for the token when petit refuses; there is nothing to see without. */
export const TokenDialog = () => {
  const { token, isWanted } = useTokenState();
  return isWanted ? <TokenForm wasRefused={token !== null} /> : null;
};

const TokenForm = ({ wasRefused }: { readonly wasRefused: boolean }) => {
  const [text, setText] = useState("");
  return (
    <Dialog title="This petit wants a token" canClose={false} onClose={() => {}}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") keepToken(text.trim());
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
            aria-invalid={wasRefused || undefined}
          />
          {wasRefused && (
            <p className="wrong" role="alert">
              petit refused that token.
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
