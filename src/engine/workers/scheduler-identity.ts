import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { lockFileId } from "../../store/database/lock.ts";
import type { Store } from "../../store/store.ts";
import { bootId } from "../attempt/identity.ts";
import type { SchedulerIdentity } from "./transport.ts";

export type SchedulerIdentityOptions = {
  readonly store: Pick<Store, "identity" | "events" | "onDurable">;
  /** Path of the database; null for one in memory. */
  readonly dbPath: string | null;
  /** See `SchedulerIdentity`. */
  readonly onOutdated: () => void;
  /** See `SchedulerIdentity`. Missing: it is ignored. */
  readonly onSuperseded?: (by: string) => void;
};

/** Returns how this process introduces itself to other schedulers. */
export const schedulerIdentity = ({
  store,
  dbPath,
  onOutdated,
  onSuperseded,
}: SchedulerIdentityOptions): SchedulerIdentity => {
  const session = randomUUID();
  const database = dbPath === null ? "a database in memory" : `database ${dbPath}`;
  let position = store.events.getNewestSeq();
  return {
    token: () => store.identity.getToken(),
    session,
    previousSession: store.identity.beginSession(session),
    file: dbPath === null ? "" : lockFileId(dbPath),
    boot: bootId(),
    epoch: () => store.identity.get().restoredAt ?? 0,
    name: `the petit on ${hostname()} (process ${process.pid}, ${database})`,
    position: () => position,
    onAdvance: (listener) =>
      store.onDurable((newest) => {
        position = newest;
        listener();
      }),
    onOutdated: () => {
      onOutdated();
      // A copy that is made from now on has to know that its incarnation was used.
      store.identity.beginSession(session);
    },
    onSuperseded: onSuperseded ?? (() => {}),
  };
};
