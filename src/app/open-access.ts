import type { OpenAccess } from "../domain/attention.ts";
import { OPEN_ACCESS_HINT, openAccessMessage } from "../domain/words/attention.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { listLoginAccounts } from "../lib/system/login-accounts.ts";
import type { SchedulerStore } from "../store/scheduler.ts";

/** A petit whose API may be open to the users of its machine. */
type Served = {
  /** Whether the API requires a token now. */
  readonly needsToken: () => boolean;
  readonly store: Pick<SchedulerStore, "setOpenAccess">;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Finds out whether other users of the machine can control a petit that runs as root, and warns about it. The returned function
 * says what was found; null before that, and if nobody can.
 */
export const watchOpenAccess = ({ needsToken, store, clock, log }: Served): (() => OpenAccess | null) => {
  let found: OpenAccess | null = null;
  const startedAt = clock.now();
  const since = store.setOpenAccess(process.getuid?.() === 0 && !needsToken(), startedAt);
  if (since !== null) {
    void listLoginAccounts().then(({ length: accounts }) => {
      if (accounts === 0) return;
      found = { since, accounts };
      log.warn({ accounts }, `${openAccessMessage(accounts)}; ${OPEN_ACCESS_HINT}`);
    });
  }
  return () => (needsToken() ? null : found);
};
