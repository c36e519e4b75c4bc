import type { PetitError } from "../../domain/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import { readEpochFile, supersededError } from "../../store/backup/epoch-file.ts";
import type { Store } from "../../store/store.ts";

type EpochOptions = {
  readonly file: string;
  /** Path of the database. */
  readonly db: string;
  readonly store: Pick<Store, "identity">;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSuperseded: (error: PetitError) => void;
};

/** How often the file is read, in ms. */
const READ_MS = 10_000;

/** Calls `onSuperseded` once when the epoch file has a later epoch of the database. Disposing ends that. */
export const watchEpochFile = (options: EpochOptions): Disposable => {
  const { clock } = options;
  let cancel = (): void => {};
  let hasFailed = false;
  const look = (): void => {
    const found = findLater(options);
    if ("superseded" in found) {
      options.onSuperseded(found.superseded);
      return;
    }
    if (found.problem !== null && !hasFailed) options.log.warn({ file: options.file }, found.problem);
    hasFailed = found.problem !== null;
    cancel = clock.setTimeout(look, READ_MS);
  };
  cancel = clock.setTimeout(look, READ_MS);
  return { [Symbol.dispose]: () => cancel() };
};

const findLater = ({
  file,
  db,
  store,
}: EpochOptions): { readonly superseded: PetitError } | { readonly problem: string | null } => {
  try {
    const noted = readEpochFile(file);
    const { id, restoredAt } = store.identity.get();
    return noted !== null && noted.database === id && noted.epoch > (restoredAt ?? 0)
      ? { superseded: supersededError(db, { where: `the epoch file ${file}`, by: noted.host }) }
      : { problem: null };
  } catch (error) {
    return { problem: errorMessage(error) };
  }
};
