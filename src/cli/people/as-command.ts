import { type AuditAction, type AuditFacts, auditFacts } from "../../domain/people/audit.ts";
import { AuditEntry, withinAction } from "../../store/people/audit-scope.ts";
import type { Context } from "../command.ts";
import { currentUser } from "../import/crontab/owner.ts";

type Done = { readonly action: AuditAction; readonly target: string | null };

/** Returns who calls a command: the user of the system, or whoever has called sudo. */
export const caller = ({ environment }: Pick<Context, "environment">): string => environment.SUDO_USER || currentUser();

/** Returns what the audit log says about a command that writes to a database itself. Whoever can do that may do everything. */
export const commandFacts = (context: Pick<Context, "environment">, { action, target }: Done): AuditFacts =>
  auditFacts({ who: caller(context), role: "admin", how: "command", action, target });

/** Calls `work`, of which the first transaction stores an entry of the audit log as well. */
export const asCommand = <Result>(
  context: Pick<Context, "environment" | "clock">,
  done: Done,
  work: () => Result,
): Result => withinAction(new AuditEntry(commandFacts(context, done), context.clock), work);
