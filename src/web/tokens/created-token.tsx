import { useEffect, useRef } from "react";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { CopyLine } from "../ui/copy-line.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { Time } from "../ui/time/time.tsx";
import type { TokenOnce } from "./token-data.ts";

type CreatedTokenProps = { readonly created: TokenOnce; readonly onClose: () => void };

/** Shows a new token, once. Only its button closes it. */
export const CreatedToken = ({ created, onClose }: CreatedTokenProps) => {
  const { name, role, token, expires_at, login } = created;
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => shown.current?.querySelector("button")?.focus(), []);
  return (
    <Dialog title={`The token of ${name}`} canClose={false} onClose={() => {}}>
      <p>
        Copy it now: petit stores only its digest, so this is the only time that it is shown. It has the role {role}
        {expires_at === null ? (
          ", and does not expire."
        ) : (
          <>
            , and expires on <Time at={expires_at} />.
          </>
        )}
      </p>
      <div ref={shown} className="copy-line tokens-new">
        <code data-new-token>{token}</code>
        <CopyButton text={token} label="Copy the token" />
      </div>
      {login !== null && <p role="status">{LOGIN_TEXT[login]}</p>}
      <p className="muted">With the token in the variable TOKEN, a program asks petit so:</p>
      <CopyLine text={`curl -H "Authorization: Bearer $TOKEN" ${location.origin}/api/jobs`} />
      <p className="muted">
        The command line finds it in the variable <code>PETIT_API_TOKEN</code>, or in the file of{" "}
        <code>--token-file</code>.
      </p>
      <div className="dialog-actions">
        <Button isOnce kind="primary" onClick={onClose}>
          I have stored it
        </Button>
      </div>
    </Dialog>
  );
};

const LOGIN_TEXT = {
  ok: "This browser is logged in with it.",
  wrong_token: "This browser could not be logged in with it. Log in with it when the page asks for a token.",
  no_cookie: "This browser did not keep the session. Allow cookies for this page, and log in with the token.",
  failed: "petit did not answer the login. Log in with the token when the page asks for one.",
} as const satisfies Record<NonNullable<TokenOnce["login"]>, string>;
