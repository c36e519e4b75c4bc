import { type Checkout, checkOut, commitFolder } from "./checkout.ts";
import { readFolderState } from "./folder-state.ts";
import type { Repository } from "./repository.ts";

/** A folder of so many files is looked at before each use. That takes some milliseconds. */
const SMALL = 1_000;

/** A larger one is looked at so often that it takes this part of the time. */
const MAX_SHARE = 1 / 20;

type Known = { readonly stamp: string; readonly entries: number; readonly lookedAt: number; readonly tookMs: number };

export type CommitFoldersOptions = {
  readonly repository: Repository;
  /** The folder of the folders of all commits. */
  readonly dir: string;
  /** Returns a monotonic time, in ms. */
  readonly monotonic: () => number;
};

/** The folders of commits, and the states that they had when they were as their commits are. */
export class CommitFolders {
  readonly #options: CommitFoldersOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: CommitFoldersOptions) {
    this.#options = options;
  }

  /** Compares the files of a commit with it, or writes them. See `checkOut`. */
  async checkOut(id: string): Promise<Checkout> {
    const { repository, dir, monotonic } = this.#options;
    this.#known.delete(id);
    const checkout = await checkOut(repository, dir, id);
    if (checkout.state !== null) this.#known.set(id, { ...checkout.state, lookedAt: monotonic(), tookMs: 0 });
    return checkout;
  }

  /** Returns whether nobody has changed the files of a commit since they were compared with it, or written. */
  async isUnchanged(id: string): Promise<boolean> {
    const { dir, monotonic } = this.#options;
    const known = this.#known.get(id);
    if (known === undefined) return false;
    const lookedAt = monotonic();
    if (known.entries > SMALL && lookedAt - known.lookedAt < known.tookMs / MAX_SHARE) return true;
    const state = await readFolderState(commitFolder(dir, id));
    if (state?.stamp !== known.stamp) return false;
    // It may have been written again meanwhile.
    if (this.#known.get(id)?.stamp === known.stamp)
      this.#known.set(id, { ...state, lookedAt, tookMs: monotonic() - lookedAt });
    return true;
  }

  /** Call it when the folder of a commit is deleted. */
  forget(id: string): void {
    this.#known.delete(id);
  }
}
