import { useState } from "react";
import { useStore } from "../data/external-store.ts";
import { tokenStore } from "../data/token-store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";

/** Asks for the token when petit refuses a request. The page is useless without it. */
export const TokenDialog = () => {
  const { token, isRequired } = useStore(tokenStore);
  return isRequired ? <TokenForm wasRefused={token !== null} /> : null;
};

/** The characters that petit accepts: others can't be sent in a header. */
const TOKEN = /^[\x21-\x7e]+$/;

const problemOf = (isMalformed: boolean, wasRefused: boolean): string | null => {
  if (isMalformed) return "A token contains no spaces and only ASCII characters.";
  return wasRefused ? "petit refused that token." : null;
};

const TokenForm = ({ wasRefused }: { readonly wasRefused: boolean }) => {
  const [text, setText] = useState("");
  const [isMalformed, setMalformed] = useState(false);
  const problem = problemOf(isMalformed, wasRefused);
  return (
    <Dialog title="This petit requires a token" canClose={false} onClose={() => {}}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          const token = text.trim();
          setMalformed(token !== "" && !TOKEN.test(token));
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
            The token is in the file that <code>--token-file</code> names. This tab stores it until it is closed.
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
