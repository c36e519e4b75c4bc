import { type AuditWay, auditFacts } from "../../domain/people/audit.ts";
import type { ApiContext } from "../context.ts";

type DeniedLogin = {
  readonly how: Extract<AuditWay, "proxy" | "provider">;
  /** The person, if that is certain. */
  readonly who: string | null;
  readonly reason: string;
};

/** Records that somebody was not let in whose browser only visits an address, so that nothing else is recorded about the request. */
export const addDeniedLogin = (
  request: Request,
  { how, who, reason }: DeniedLogin,
  { denials, requests }: Pick<ApiContext, "denials" | "requests">,
): void =>
  denials.add(
    auditFacts({
      who,
      how,
      address: requests.addressOf(request),
      action: "session.login",
      details: { reason },
      requestId: requests.idOf(request),
    }),
  );
