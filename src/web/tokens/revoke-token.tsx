import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { Time } from "../ui/time/time.tsx";
import { type TokenData, tokensQuery, useIsOwn, useRevokeToken } from "./token-data.ts";

type RevokeTokenProps = { readonly token: TokenData; readonly onClose: () => void };

/** Says what ends with a token, and revokes it. */
export const RevokeToken = ({ token: { name, last_used_at, last_used_from }, onClose }: RevokeTokenProps) => {
  const [problem, setProblem] = useState<string | null>(null);
  const { mutate, isPending } = useRevokeToken();
  const isOwn = useIsOwn()(name);
  const { data } = useQuery({ ...tokensQuery(), enabled: false });
  const others = data?.tokens.filter((each) => each.revoked_at === null && each.name !== name) ?? [];
  const hasFormer = data?.tokens.some((each) => each.name === name && each.state === "replaced") ?? false;
  const answers = useRef<HTMLDivElement>(null);
  // The safe answer has the focus.
  useEffect(() => answers.current?.querySelector("button")?.focus(), []);
  const revoke = (): void => mutate(name, { onSuccess: onClose, onError: (error) => setProblem(failureText(error)) });
  return (
    <Dialog title={`Revoke ${name}?`} onClose={onClose}>
      <p>
        petit refuses it at once, and nobody can take that back. The logins with it end, and so do their open pages and
        streams.{hasFormer && " The former one, which is still valid, is revoked with it."} Runs that were started with
        it go on.
      </p>
      {last_used_at !== null && (
        <p>
          It was last used <Time at={last_used_at} />
          {last_used_from !== null && ` from ${last_used_from}`}.
        </p>
      )}
      {isOwn && (
        <p>
          <strong>You are logged in with it</strong>: this page will ask for another token.
        </p>
      )}
      {data !== undefined && others.length === 0 && (
        <p>
          <strong>It is the last one</strong>: unless petit has a token file or another way to log in, everybody who
          reaches petit on its machine is an admin then.
        </p>
      )}
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div ref={answers} className="dialog-actions">
        <Button onClick={onClose}>Keep it</Button>
        <Button isOnce kind="danger" isBusy={isPending} onClick={revoke}>
          Revoke token
        </Button>
      </div>
    </Dialog>
  );
};
