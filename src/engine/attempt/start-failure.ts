import type { AttemptOutcome } from "../../domain/task-run.ts";
import { SpawnError } from "./command.ts";

/** Returns the outcome of an attempt for which no process could be made, and whether that may pass by itself. */
export const startFailure = (error: unknown): { readonly outcome: AttemptOutcome; readonly transient: boolean } => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? error.message : String(error);
  const text = error instanceof SpawnError ? message : `no process could be made: ${EXPLAINED[code] ?? message}`;
  return {
    outcome: { status: "failed", reason: "spawn_failed", error: text, exitCode: null, signal: null },
    transient: TRANSIENT_CODES.has(code),
  };
};

/** For want of resources, which may be there again in a moment. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EDQUOT"]);

const EXPLAINED: Readonly<Record<string, string>> = {
  EAGAIN: "the limit of processes is reached (EAGAIN)",
  EMFILE: "petit has too many open files; raise its limit (EMFILE)",
  ENFILE: "the system has too many open files (ENFILE)",
  ENOMEM: "the system is out of memory (ENOMEM)",
  ENOSPC: "the disk of the spool folder is full (ENOSPC)",
  EDQUOT: "petit's share of the disk is used up (EDQUOT)",
  E2BIG: "arguments and environment are too long for the system (E2BIG)",
};
