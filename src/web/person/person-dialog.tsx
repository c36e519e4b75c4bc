import { Link } from "wouter";
import { isAtLeast } from "../../domain/people/role.ts";
import type { SessionData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { leave } from "./leave.ts";
import { PersonFacts } from "./person-facts.tsx";

type PersonDialogProps = { readonly session: SessionData; readonly onClose: () => void };

/** Says who the user is, and logs out. */
export const PersonDialog = ({ session, onClose }: PersonDialogProps) => {
  const { name, role, scope, expires_at, needs_token } = session;
  return (
    <Dialog title={needs_token ? (name ?? "A token without a name") : "Everybody is an admin"} onClose={onClose}>
      {!needs_token && (
        <p>
          petit requires no token, so everybody who reaches it on this machine may do everything, and nobody has a name.
        </p>
      )}
      <PersonFacts session={session} />
      <div className="dialog-actions">
        {isAtLeast(role, "admin") && scope === null && (
          <Link className="button" href="/system/tokens" onClick={onClose}>
            {needs_token ? "Tokens" : "Create tokens"}
          </Link>
        )}
        {expires_at !== null ? (
          <Button isOnce onClick={leave}>
            Log out
          </Button>
        ) : (
          <Button onClick={onClose}>Close</Button>
        )}
      </div>
    </Dialog>
  );
};
