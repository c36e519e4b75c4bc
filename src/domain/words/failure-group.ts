/** A group of failed items, with names as in the API. */
type Group = { readonly text: string; readonly count: number; readonly items: readonly { readonly key: string }[] };

/** Maximum number of keys in a text. */
const MAX_KEYS = 5;

/** Returns the keys of a group, and how many more there are. */
const failureGroupKeys = ({ count, items }: Group): string => {
  const keys = items.slice(0, MAX_KEYS).map(({ key }) => key);
  const more = count - keys.length;
  return `${keys.join(", ")}${more > 0 ? `, … and ${more} more` : ""}`;
};

/** Returns the failed items of a task that have the same cause: `4 × connection refused: web-3, web-7, web-9, web-12`. */
export const failureGroupText = (group: Group): string => `${group.count} × ${group.text}: ${failureGroupKeys(group)}`;
