import { auditFields } from "../domain/people/audit.ts";
import type { AuditStore } from "../store/people/audit.ts";
import { openStderr } from "./logger.ts";

/** Writes each entry of the audit log to stderr as well, as one JSON object per line. Ends when it is disposed of. */
export const writeAuditLog = (audit: Pick<AuditStore, "subscribe">): Disposable => {
  const stderr = openStderr();
  const stop = audit.subscribe((rows) => {
    for (const row of rows) {
      const { at, ...fields } = auditFields(row);
      stderr.write(`${JSON.stringify({ type: "audit", time: new Date(at).toISOString(), ...fields })}\n`);
    }
  });
  return { [Symbol.dispose]: stop };
};
