import { type AuditRow, auditFields } from "../domain/people/audit.ts";
import type { Clock } from "../lib/clock.ts";
import type { AuditStore } from "../store/people/audit.ts";
import { openStderr } from "./logger.ts";

type AuditLogOptions = {
  readonly audit: Pick<AuditStore, "subscribe" | "listAfter" | "newestId">;
  readonly clock: Clock;
  readonly stderr?: { readonly write: (line: string) => void };
};

/** How soon the entries of other processes are noticed. */
const POLL_MS = 500;
const PAGE = 500;

/**
 * Writes each entry of the audit log to stderr as well, as one JSON object per line: once, and in the order of their ids, also those
 * that other processes store, such as `petit tokens`. Ends when it is disposed of.
 */
export const writeAuditLog = ({ audit, clock, stderr = openStderr() }: AuditLogOptions): Disposable => {
  let last = audit.newestId();
  const write = (rows: readonly AuditRow[]): void => {
    for (const row of rows) {
      if (row.id <= last) continue;
      last = row.id;
      const { at, ...fields } = auditFields(row);
      stderr.write(`${JSON.stringify({ type: "audit", time: new Date(at).toISOString(), ...fields })}\n`);
    }
  };
  const writeOthers = (): void => {
    try {
      let rows: readonly AuditRow[];
      do {
        rows = audit.listAfter(last, PAGE);
        write(rows);
      } while (rows.length === PAGE);
    } catch {
      // The database can't be read: health and the log say so.
    }
  };
  const stop = audit.subscribe((rows) => {
    const [first] = rows;
    if (first !== undefined && first.id > last + 1) writeOthers();
    write(rows);
  });
  let cancelTimer = (): void => {};
  const poll = (): void => {
    cancelTimer = clock.setTimeout(() => {
      writeOthers();
      poll();
    }, POLL_MS);
  };
  poll();
  return {
    [Symbol.dispose]: () => {
      cancelTimer();
      writeOthers();
      stop();
    },
  };
};
