import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { ForAdmins } from "../person/for-admins.tsx";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";
import { CreateToken } from "./create-token.tsx";
import { CreatedToken } from "./created-token.tsx";
import { RevokeToken } from "./revoke-token.tsx";
import { RotateToken } from "./rotate-token.tsx";
import { type TokenData, type TokenOnce, tokensQuery, useNeedsToken } from "./token-data.ts";
import { TokenTable } from "./token-table.tsx";
import "./tokens.css";

type Asked = { readonly kind: "create" } | { readonly kind: "rotate" | "revoke"; readonly token: TokenData };

/** Lists the tokens that petit stores, and creates, replaces and revokes them. For admins. */
export const TokensView = () => {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [created, setCreated] = useState<TokenOnce | null>(null);
  const close = (): void => setAsked(null);
  const show = (token: TokenOnce): void => {
    close();
    setCreated(token);
  };
  return (
    <Page
      title="Tokens"
      isWide
      lead={
        <>
          <Link href="/system">System</Link> · who may use petit, and what for
        </>
      }
      actions={
        <ActionButton needs="admin" isOnce kind="primary" onClick={() => setAsked({ kind: "create" })}>
          Create token…
        </ActionButton>
      }
    >
      <ForAdmins what="tokens">
        <Tokens onAsk={setAsked} />
      </ForAdmins>
      {asked?.kind === "create" && <CreateToken onCreated={show} onClose={close} />}
      {asked?.kind === "rotate" && <RotateToken token={asked.token} onCreated={show} onClose={close} />}
      {asked?.kind === "revoke" && <RevokeToken token={asked.token} onClose={close} />}
      {created !== null && <CreatedToken created={created} onClose={() => setCreated(null)} />}
    </Page>
  );
};

const Tokens = ({ onAsk }: { readonly onAsk: (asked: Asked) => void }) => {
  const tokens = useQuery(tokensQuery());
  const needsToken = useNeedsToken();
  const [isWhole, setWhole] = useState(false);
  return (
    <Loaded query={tokens} what="the tokens">
      {({ tokens: all }) => {
        const current = all.filter(isCurrent);
        const past = all.length - current.length;
        return (
          <>
            {current.length === 0 && <NoTokens needsToken={needsToken} />}
            {(current.length > 0 || isWhole) && (
              <TokenTable
                tokens={isWhole ? all : current}
                onRotate={(token) => onAsk({ kind: "rotate", token })}
                onRevoke={(token) => onAsk({ kind: "revoke", token })}
              />
            )}
            {past > 0 && (
              <div className="row">
                <Button kind="quiet" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
                  {isWhole ? "Hide" : "Show"} {counted(past, "token")} that {past === 1 ? "was" : "were"} revoked or
                  replaced
                </Button>
              </div>
            )}
          </>
        );
      }}
    </Loaded>
  );
};

/** Returns whether a token is accepted, or would be if it had not expired. */
const isCurrent = ({ state, replaced_at }: TokenData): boolean =>
  state === "live" || state === "replaced" || (state === "expired" && replaced_at === null);

const NoTokens = ({ needsToken }: { readonly needsToken: boolean }) => (
  <Empty title="petit stores no tokens">
    <p>
      A token lets a person or a program use petit: the page, the command line, the HTTP API. Each has a name, which
      petit writes down with what it is used for, and a role: a viewer reads, an operator also runs jobs, an admin does
      everything.
    </p>
    {needsToken ? (
      <p>petit requires a token already: one of its token file, or of another way to log in.</p>
    ) : (
      <p>
        Until there is one, everybody who reaches petit on this machine is an admin.{" "}
        <strong>The first token ends that</strong>: from then on petit requires a token of everybody, also of this page,
        which logs in with it at once.
      </p>
    )}
  </Empty>
);
