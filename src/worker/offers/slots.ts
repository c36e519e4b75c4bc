/** The attempts that a worker may run at once. */
export class Slots {
  readonly count: number;
  #used = 0;
  #isClosed = false;
  /** Aborted, and replaced, when no slot is free any more. */
  #none = new AbortController();
  #freed = Promise.withResolvers<void>();

  constructor(count: number) {
    this.count = count;
  }

  get used(): number {
    return this.#used;
  }

  get isFree(): boolean {
    return !this.#isClosed && this.#used < this.count;
  }

  /** Aborted when no slot is free any more. */
  get none(): AbortSignal {
    return this.#none.signal;
  }

  /** Takes a slot. Returns false if none is free. */
  take(): boolean {
    if (!this.isFree) return false;
    this.occupy();
    return true;
  }

  /** Takes a slot even if none is free, for an attempt of an earlier worker process that may have had more slots. */
  occupy(): void {
    this.#used++;
    if (!this.isFree) this.#none.abort("none");
  }

  release(): void {
    this.#used--;
    this.#open();
  }

  /** Gives no slots from now on. */
  close(): void {
    this.#isClosed = true;
    this.#none.abort("none");
  }

  reopen(): void {
    this.#isClosed = false;
    this.#open();
  }

  /** Resolves when a slot is free. */
  async whenFree(): Promise<void> {
    while (!this.isFree) await this.#freed.promise;
  }

  #open(): void {
    if (!this.isFree) return;
    if (this.#none.signal.aborted) this.#none = new AbortController();
    this.#freed.resolve();
    this.#freed = Promise.withResolvers();
  }
}
