/** A seeded generator of random numbers (mulberry32). */
export type Random = {
  /** Returns a number in [0, 1). */
  next(): number;
  /** Returns an integer between two bounds, both included. */
  between(least: number, most: number): number;
  /** Returns one of the values, with a probability proportional to its weight. */
  pick<T>(choices: readonly (readonly [weight: number, choice: T])[]): T;
};

export const randomOf = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (choices) => {
      let left = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, choice] of choices) {
        left -= weight;
        if (left < 0) return choice;
      }
      throw new Error("all weights are 0");
    },
  };
};
