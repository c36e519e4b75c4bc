import { limitOf } from "../../domain/people/scope.ts";
import { expiresSoon } from "../../domain/people/token.ts";
import { scopeText } from "../../domain/words/people/scope.ts";
import { petitNow } from "../data/petit-time.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { type AnyStatus, Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { Time } from "../ui/time/time.tsx";
import { type TokenData, useIsOwn } from "./token-data.ts";

type TokenTableProps = {
  readonly tokens: readonly TokenData[];
  readonly onRotate: (token: TokenData) => void;
  readonly onRevoke: (token: TokenData) => void;
};

export const TokenTable = ({ tokens, ...actions }: TokenTableProps) => (
  <Table
    label="Tokens"
    isCards
    className="tokens-table"
    head={
      <tr>
        <th scope="col">Token</th>
        <th scope="col">Role</th>
        <th scope="col">Jobs</th>
        <th scope="col">State</th>
        <th scope="col">Expires</th>
        <th scope="col">Last used</th>
        <th scope="col">Created</th>
        <th scope="col">
          <span className="visually-hidden">Actions</span>
        </th>
      </tr>
    }
  >
    {tokens.map((token) => (
      <TokenRow key={`${token.name} ${token.created_at} ${token.state}`} token={token} {...actions} />
    ))}
  </Table>
);

type TokenRowProps = Omit<TokenTableProps, "tokens"> & { readonly token: TokenData };

const TokenRow = ({ token, onRotate, onRevoke }: TokenRowProps) => {
  const { name, role, created_at, created_by, expires_at, last_used_at, last_used_from } = token;
  const isOwn = useIsOwn()(name);
  const scope = limitOf(token.jobs, token.tags);
  return (
    <tr data-token={name} data-token-state={token.state}>
      <td className="tokens-name">
        {name} {isOwn && token.state === "live" && <small className="muted">you</small>}
      </td>
      <td data-label="Role">{role}</td>
      <td data-label="Jobs" className="tokens-jobs">
        {scope === null ? <span className="muted">all</span> : scopeText(scope)}
      </td>
      <td data-label="State">
        <TokenState token={token} />
      </td>
      <td data-label="Expires">
        {expires_at === null ? <span className="muted">never</span> : <Time at={expires_at} />}
      </td>
      <td data-label="Last used">
        {last_used_at === null ? (
          <span className="muted">never</span>
        ) : (
          <>
            <Time at={last_used_at} />
            {last_used_from !== null && <small className="muted">from {last_used_from}</small>}
          </>
        )}
      </td>
      <td data-label="Created">
        <Time at={created_at} />
        {created_by !== null && <small className="muted">by {created_by}</small>}
      </td>
      <td className="tokens-actions">
        <Actions token={token} onRotate={onRotate} onRevoke={onRevoke} />
      </td>
    </tr>
  );
};

/** How a token is shown. */
const STATE_LIKE = {
  live: "completed",
  soon: "missed",
  replaced: "pending",
  expired: "failed",
  revoked: "skipped",
} as const satisfies Record<TokenData["state"] | "soon", AnyStatus>;

const TokenState = ({ token: { state, expires_at, revoked_at } }: { readonly token: TokenData }) => {
  const isSoon = state === "live" && expiresSoon(expires_at, petitNow());
  return (
    <>
      <Status of={STATE_LIKE[isSoon ? "soon" : state]} label={isSoon ? "expires soon" : state} />
      {state === "replaced" && <small className="muted">a newer one took its place</small>}
      {revoked_at !== null && (
        <small className="muted">
          <Time at={revoked_at} />
        </small>
      )}
    </>
  );
};

/** Both concern the name: a replaced token is revoked with the one that took its place. */
const Actions = ({ token, onRotate, onRevoke }: TokenRowProps) => {
  const { name, state, replaced_at } = token;
  if (state === "revoked" || replaced_at !== null) return null;
  return (
    <>
      {state === "live" && (
        <ActionButton needs="admin" isOnce aria-label={`Rotate ${name}`} onClick={() => onRotate(token)}>
          Rotate…
        </ActionButton>
      )}
      <ActionButton needs="admin" isOnce kind="danger" aria-label={`Revoke ${name}`} onClick={() => onRevoke(token)}>
        Revoke…
      </ActionButton>
    </>
  );
};
