/** Deletes the entries that were added to a map first, until it has at most `max` entries. */
export const forgetOldest = (map: Map<unknown, unknown>, max: number): void => {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
};
