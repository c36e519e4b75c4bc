/** Binary min-heap of items, ordered by a key that does not change while the item is in the heap. */
export class MinHeap<T> {
  readonly #items: { readonly item: T; readonly key: number }[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The smallest key, or null if the heap is empty. */
  get smallest(): number | null {
    return this.#items[0]?.key ?? null;
  }

  push(item: T, key: number): void {
    this.#items.push({ item, key });
    this.#rise(this.#items.length - 1);
  }

  /** Removes and returns the item with the smallest key, or null if the heap is empty. */
  pop(): T | null {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (first === undefined || last === undefined) return null;
    if (this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first.item;
  }

  clear(): void {
    this.#items.length = 0;
  }

  #rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLess(at, parent)) return;
      at = parent;
    }
  }

  #sink(start: number): void {
    for (let at = start; ; ) {
      const left = 2 * at + 1;
      const child = this.#key(left + 1) < this.#key(left) ? left + 1 : left;
      if (!this.#swapIfLess(child, at)) return;
      at = child;
    }
  }

  #key(at: number): number {
    return this.#items[at]?.key ?? Number.POSITIVE_INFINITY;
  }

  /** Swaps two items if the first has the smaller key. Returns whether it did. */
  #swapIfLess(a: number, b: number): boolean {
    const [itemA, itemB] = [this.#items[a], this.#items[b]];
    if (itemA === undefined || itemB === undefined || itemA.key >= itemB.key) return false;
    this.#items[a] = itemB;
    this.#items[b] = itemA;
    return true;
  }
}
